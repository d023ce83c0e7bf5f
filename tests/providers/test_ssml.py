import re
from xml.etree import ElementTree

import pytest

from sayna.providers import ssml
from sayna.speech.text import clean


@pytest.mark.parametrize("text", ["<b>&amp;\"'", "a\tb\nc", "😀 שלום 你好", "]]>", "<!-- -->", "\U0010ffff"])
def test_a_text_is_read_back_as_it_was(text: str) -> None:
    document = ElementTree.fromstring(ssml.nested(("speak", {"a": text}), ("voice", {}), text=text))

    assert document[0].text == text
    assert "voice" in document[0].tag


def test_an_attribute_is_read_back_as_it_was() -> None:
    hostile = '\'/><audio src="http://evil.example"/>&amp;'

    document = ElementTree.fromstring(ssml.nested(("speak", {"name": hostile}), text="x"))

    assert (document.attrib, len(document)) == ({"name": hostile}, 0)


def test_no_text_of_a_plan_has_what_xml_cannot_hold() -> None:
    """https://www.w3.org/TR/xml/#charsets ; lone surrogates have no UTF-8 either."""
    forbidden = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
    text = clean("".join(f"a{character}" for character in map(chr, range(0x110000)) if forbidden.match(character)))

    assert set(text) == {"a", " ", "\n"}
    assert ElementTree.fromstring(ssml.nested(("speak", {}), text=text)).text == text
