from xml.etree import ElementTree

import pytest

from sayna.providers import ssml


@pytest.mark.parametrize("text", ["<b>&amp;\"'", "a\tb\nc", "😀 שלום 你好", "]]>", "<!-- -->", "\U0010ffff"])
def test_a_text_is_read_back_as_it_was(text: str) -> None:
    document = ElementTree.fromstring(ssml.nested(("speak", {"a": text}), ("voice", {}), text=text))

    assert document[0].text == text
    assert "voice" in document[0].tag


def test_an_attribute_is_read_back_as_it_was() -> None:
    hostile = '\'/><audio src="http://evil.example"/>&amp;'

    document = ElementTree.fromstring(ssml.nested(("speak", {"name": hostile}), text="x"))

    assert (document.attrib, len(document)) == ({"name": hostile}, 0)


def test_what_xml_cannot_hold_is_left_out() -> None:
    text = "a\0b\x0bc\x1fd\ud800e\ufffef\x7fg"

    assert ElementTree.fromstring(ssml.nested(("speak", {}), text=text)).text == "abcdef\x7fg"
