"""SSML compiled to texts and silences: what is spoken, what is refused, and how quickly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayna.errors import EmptyText, InvalidRequest, TextTooLong
from sayna.speech.markup import UnsupportedMarkup
from sayna.speech.spoken import PronunciationTable, spoken
from sayna.speech.text import has_speech
from tests.speech.saying import spoken_document


def whole(inner: str, attributes: str = "") -> str:
    return f"<speak{attributes}>{inner}</speak>"


@pytest.mark.parametrize(
    ("inner", "text", "pauses"),
    [
        ("Hello", "Hello", ()),
        ("  Hello \n\t there ", "Hello there", ()),
        ("a &amp; b &lt; &#100;<!-- no -->e <![CDATA[<f>]]>", "a & b < de <f>", ()),
        ('One<break time="500ms"/>two', "Onetwo", ((3, 500),)),
        ('One<break time="1.5s"/>', "One", ((3, 1500),)),
        ('<break time="10s"/>One', "One", ((0, 10000),)),
        ('One <break time="1s"/><break time="250ms"/> two', "Onetwo", ((3, 1250),)),
        ('One <break time="1s"/> ... <break time="1s"/> two', "Onetwo", ((3, 2000),)),
        ("One<break/>two", "Onetwo", ((3, 500),)),
        ('One<break strength="x-strong"/>two', "Onetwo", ((3, 1000),)),
        ('One<break strength="strong" time="20ms"/>two', "Onetwo", ((3, 20),)),
        ('One <break strength="none"/>two', "One two", ()),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo.", ()),
        ("<p><s>One.</s> <s>Two.</s></p> Three", "One.\nTwo.\n\nThree", ()),
        ('The <sub alias="World Wide Web Consortium">W3C</sub>.', "The World Wide Web Consortium.", ()),
        ('Code <say-as interpret-as="characters">ab-1</say-as>.', "Code A, B, -, 1.", ()),
        ('Flags <say-as interpret-as="characters">\U0001f1e9\U0001f1ea\u0928\u093f</say-as>', None, ()),
        ('PIN<say-as interpret-as="digits">0815</say-as>now', "PIN 0 8 1 5 now", ()),
        ('Call <say-as interpret-as="telephone">+49 (30) 12-3</say-as>', "Call +, 4 9, 3 0, 1 2, 3", ()),
    ],
)
def test_document_becomes_text_and_pauses(inner: str, text: str | None, pauses: tuple[tuple[int, int], ...]) -> None:
    said = spoken_document(whole(inner))

    assert said.text == ("Flags \U0001f1e9\U0001f1ea, \u0928\u093f" if text is None else text)
    assert said.pauses == pauses


@pytest.mark.parametrize(
    "head",
    [
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">',
        '<?xml version="1.0" encoding="UTF-16"?>\n<!-- a --><speak xmlns:mstts="x">',
        ' \n <speak xmlns:xsi="x" xsi:schemaLocation="y z">',
    ],
)
def test_heads_of_other_tools_are_taken(head: str) -> None:
    assert spoken_document(f"{head}Grüße</speak>").text == "Grüße"


@pytest.mark.parametrize(
    ("rate", "factor"),
    [("slow", 0.75), ("default", 1), ("150%", 1.5), ("+10%", 1.1), ("-20%", 0.8), ("0.5", 0.5), (" 2 ", 2)],
)
def test_rate_around_the_whole_is_a_factor(rate: str, factor: float) -> None:
    said = spoken_document(whole(f' <prosody rate="{rate}"><p>Hello</p></prosody> <!-- end -->'))

    assert said.text == "Hello"
    assert said.rate == pytest.approx(factor)


def test_words_are_replaced_in_text_and_aliases_alone() -> None:
    document = whole('AI <sub alias="AI">x</sub><break/>AI <say-as interpret-as="characters">AI</say-as>')

    said = spoken_document(document, [("AI", "machine"), ("A", "no"), ("x", "no")])

    assert (said.text, said.pauses) == ("machine machinemachine A, I", ((15, 500),))


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (whole('<audio src="/etc/passwd"/>'), "<audio>"),
        (whole('<voice name="x">a</voice>'), "<voice>"),
        (whole("<ssml:p>a</ssml:p>"), "<ssml:p>"),
        (whole("<speak>a</speak>"), "<speak>"),
        (whole("<P>a</P>"), "<P>"),
        ("<p>a</p>", "begin with <speak>"),
        ("Hello", "line 1"),
        (whole("a</p>"), "mismatched tag"),
        (whole("a & b"), "line 1, column"),
        (whole("&nbsp;"), "undefined entity"),
        (whole("a") + "b", "junk after"),
        (whole("<?php a?>b"), "<?php?>"),
        (whole("a", ' onload="x"'), "onload"),
        (whole('<p xml:lang="de">a</p>'), "xml:lang"),
        (whole('a<break time="11s"/>'), "at most 10 s"),
        (whole('a<break time="soon"/>'), "500ms"),
        (whole('a<break time="-1s"/>'), "500ms"),
        (whole('a<break time="\u0661s"/>'), "500ms"),
        (whole('a<break strength="huge"/>'), "x-strong"),
        (whole('a<break size="1"/>'), "size"),
        (whole("a<sub>b</sub>"), "alias"),
        (whole('<sub alias="x"><p>a</p></sub>'), "text only"),
        (whole('<say-as interpret-as="date">1</say-as>'), "telephone"),
        (whole('<say-as interpret-as="digits" format="x">1</say-as>'), "format"),
        (whole('a<prosody rate="slow">b</prosody>'), "around the whole"),
        (whole('<prosody rate="slow">b</prosody>a'), "around the whole"),
        (whole('<prosody rate="slow">b</prosody><break/>'), "around the whole"),
        (whole('<p><prosody rate="slow">b</prosody></p>'), "around the whole"),
        (whole('<prosody pitch="high">b</prosody>'), "pitch"),
        (whole('<prosody rate="0">b</prosody>'), "rate"),
        (whole('<prosody rate="+2">b</prosody>'), "rate"),
        (whole("a<break/>" * 51), "51 parts"),
        (whole("a" + '<break time="10s"/>' * 7), "70 s"),
        (whole("<p>" * 40 + "a" + "</p>" * 40), "nested"),
    ],
)
def test_other_markup_is_refused_by_name(document: str, named: str) -> None:
    with pytest.raises(UnsupportedMarkup) as refused:
        spoken_document(document)

    assert named in refused.value.message
    assert len(refused.value.message) < 400


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "document",
    [
        f'<!DOCTYPE speak [<!ENTITY l0 "lol">{LAUGHS}]><speak>&l9;</speak>',
        '<!DOCTYPE speak [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>&x;</speak>',
        '<!DOCTYPE speak [<!ENTITY % x SYSTEM "http://127.0.0.1/x">%x;]><speak>a</speak>',
        '<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.0//EN" "http://www.w3.org/x.dtd"><speak>a</speak>',
    ],
)
def test_entities_of_a_document_are_never_read(document: str) -> None:
    with pytest.raises(UnsupportedMarkup, match="DOCTYPE"):
        spoken_document(document)
    with pytest.raises(InvalidRequest, match="DOCTYPE"):
        spoken_document(document, markup="unwrapped")


@pytest.mark.parametrize(
    "document", [whole("<break/>"), whole("..."), whole(""), whole("<sub alias=''>a</sub>"), whole(" <p> </p> ")]
)
def test_document_without_speech_is_empty(document: str) -> None:
    with pytest.raises(EmptyText):
        spoken_document(document)


def test_document_and_its_speech_count_as_text() -> None:
    with pytest.raises(TextTooLong, match="5013"):
        spoken_document(whole(" " * 4997 + "a"))
    with pytest.raises(TextTooLong, match="send at most 5000"):
        spoken_document(whole(f'<say-as interpret-as="characters">{"b" * 4000}</say-as>'))


def test_pronunciations_of_all_parts_share_one_limit() -> None:
    parts = whole("<break/>".join("a" * 45))
    with pytest.raises(InvalidRequest, match="4 times"):
        spoken_document(parts, [("a", "x" * 900)])
    short = whole(f"a<break/>{'b ' * 1000}")
    assert len(spoken_document(short, [("a", "x" * 3000)]).text) == 3000 + 1999


@pytest.mark.parametrize(
    "document",
    [
        whole("a<break/>" * 10_000),
        whole("<break/>" * 10_000),
        whole("<p>" * 10_000),
        "<speak>" * 10_000,
        whole("a" * 100_000 + "</"),
        whole("&#97;" * 20_000 + "<"),
        whole(f'<say-as interpret-as="characters">{chr(0x1F1E9) * 50_000}</say-as>') + "<",
        "<" * 100_000,
        whole('<sub alias="x">' * 10_000),
    ],
)
@pytest.mark.parametrize("markup", ["ssml", "unwrapped"])
def test_hostile_documents_are_refused_at_any_length(document: str, markup: str) -> None:
    with pytest.raises(TextTooLong):
        spoken_document(document, markup=markup)
    with pytest.raises(InvalidRequest):
        spoken(document, markup, PronunciationTable(()), 50_000)


@pytest.mark.parametrize(
    ("document", "text", "pauses"),
    [
        (whole('<voice name="x">Hi</voice><audio src="y"/>there'), "Hi there", ()),
        (whole('One <mstts:silence/><break time="1s"/>two'), "One two".replace(" ", ""), ((3, 1000),)),
        (whole('1<break time="99s"/>2<break time="x"/>3'), "1 2 3", ()),
        (whole('<say-as interpret-as="date">1</say-as> <say-as interpret-as="digits">12</say-as>'), "1 1 2", ()),
        ('<maryxml version="0.5"><p>Hi<boundary breakindex="4"/>you</p></maryxml>', "Hi you", ()),
        (whole('<prosody rate="slow" pitch="high">a</prosody> b'), "a b", ()),
        (whole("a & b &nbsp; &x; &LT;"), "a & b &x; <", ()),
        (whole('AT&T<break time="1s"/>caf&eacute; &amp; co<sub alias="R&B">x</sub>'), "AT&Tcafé & coR&B", ((4, 1000),)),
        (whole("<![CDATA[a & b &amp;]]>"), "a & b &amp;", ()),
        ("no <b>document</b> at all", "no document at all", ()),
    ],
)
def test_documents_of_telephones_are_unwrapped(document: str, text: str, pauses: tuple[tuple[int, int], ...]) -> None:
    said = spoken_document(document, markup="unwrapped")

    assert (said.text, said.pauses, said.rate) == (text, pauses, 1.0)


NAMES = st.sampled_from(["speak", "p", "s", "break", "sub", "say-as", "prosody", "voice", "x:y", "P"])
ATTRIBUTES = st.sampled_from(
    ["", ' time="1s"', ' time="9.9s"', ' strength="weak"', ' alias="b c"', ' interpret-as="characters"',
     ' interpret-as="telephone"', ' rate="slow"', ' rate="-50%"', ' xmlns="u"', " a='>'", " a"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=6), st.sampled_from(["&amp;", "&x;", "&#0;", "]]>", "<!--", "-->", "<![CDATA[", "<?a?>", "<"])
)
TAGS = st.builds(
    lambda name, attributes, end: f"<{name}{attributes}{end}>", NAMES, ATTRIBUTES, st.sampled_from(["", "/"])
)
ENDS = NAMES.map(lambda name: f"</{name}>")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(TAGS, ENDS, TEXTS), max_size=25).map("".join), st.sampled_from(["ssml", "unwrapped"]))
def test_any_document_is_spoken_or_refused(inner: str, markup: str) -> None:
    try:
        said = spoken_document(whole(inner), [("b", "c")], markup=markup)
    except InvalidRequest:
        return
    places = [place for place, _ in said.pauses]

    assert has_speech(said.text)
    assert places == sorted(set(places))
    assert all(0 <= place <= len(said.text) and 0 < length <= 60_000 for place, length in said.pauses)
    assert sum(length for _, length in said.pauses) <= 60_000
    assert 0.1 <= said.rate <= 10
    assert "<" not in said.text or "<" in inner
