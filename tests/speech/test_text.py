# ruff: noqa: RUF001 - other scripts are what this is about

import unicodedata

import pytest

from sayna.errors import EmptyText
from sayna.speech.text import clean, has_speech
from tests.speech.saying import spoken_text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("sent", "spoken"),
    [
        ("\x0150T\x0130H x", " 50T 30H x"),
        ("bell\x07\x1b[31m\x7f\x9b", "bell  [31m  "),
        ("one\0two\ue000three", "one two three"),
        ("10\u202f000 euros, 12:00\u202fAM\u00a0\u3000\u2009", "10 000 euros, 12:00 AM   "),
        ("a\u2028b\u2029c\r\nd\x85e", "a\nb\n\nc\nd\ne"),
        ("\ufeffso\u00adft \u202eabc\u200b\u2060", "soft abc"),
        ("lone \ud800 \ufffe\U0010ffff", "lone  "),
        ("cafe\u0301 \u1100\u1161", "caf\u00e9 \uac00"),
        ("a\u200db \u200d x\ufe0f", "ab  x"),
    ],
)
def test_characters_that_are_not_spoken_are_taken_out(sent: str, spoken: str) -> None:
    assert clean(sent) == spoken
    assert clean(spoken) == spoken


@pytest.mark.parametrize(
    "text", [FAMILY, SCOTLAND, "\u2764\ufe0f\u200d\U0001f525", "1\ufe0f\u20e3", "می\u200cخواهم", "क\u094d\u200dष"]
)
def test_joiners_stay_where_they_join(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "...",
        "—",
        "?",
        '"',
        "\u200b",
        "\ufe0f",
        "-----",
        "─────",
        "\u3164",
        "«»",
        "\u2800",
        "\u0301",
        "\0",
        "_",
    ],
)
def test_text_without_anything_to_say_is_empty(text: str) -> None:
    assert not has_speech(clean(text))
    with pytest.raises(EmptyText, match="there is nothing to say in this text"):
        spoken_text(text, [])


@pytest.mark.parametrize("text", ["a", "7", "½", "€", "+", "%", "&", "\U0001f600", FAMILY, "語", "ก", "©"])
def test_letters_digits_and_signs_with_names_are_speech(text: str) -> None:
    assert has_speech(clean(text))


def test_a_text_that_pronunciations_empty_is_refused() -> None:
    with pytest.raises(EmptyText, match="after the pronunciations"):
        spoken_text("hmm", [("hmm", "...")])


def test_runs_of_marks_are_cut_to_thirty() -> None:
    assert clean("x" + "\u0323\u0301" * 500) == unicodedata.normalize("NFC", "x" + "\u0323\u0301" * 15)
