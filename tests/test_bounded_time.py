"""Every function that works on a caller's text needs little time for 100,000 characters, whatever they are.

Add (name, function) to FUNCTIONS when it gets a cleaned text, to RAW_FUNCTIONS when it gets what the caller sent.
"""

import time
from collections.abc import Callable

import pytest

from sayna.providers import engine_text
from sayna.providers.graphemes import boundary_before
from sayna.speech.longtext import Limit, split
from sayna.speech.pronunciation import PronunciationTable
from sayna.speech.text import clean, has_speech
from tests.bounded_fields import FIELD_FUNCTIONS

CHARACTERS = 100_000
SECONDS = 0.1
# Linear too, but a step in Python for each character: 100,000 replacements, 64 nested words, or 100,000 signs.
MORE_SECONDS = {"nested pronunciations": 0.6, "2000 pronunciations": 0.3, "words that fit the engine": 0.3}
# Runs of one unit: the faults of libraries show where a text repeats.
# ruff: noqa: E501 - one line a kind
UNITS = {
    "letter": "a", "capital": "W", "digit": "9", "dot": ".", "dots": "... ", "blank": " ", "newline": "\n",
    "round bracket": "(", "square brackets": "[[", "closed brackets": "[12] ", "straight quote": '"', "curly quote": "\u201c",
    "apostrophe": "'", "decimal": "1.", "initials": "A. ", "abbreviation": "e.g. ", "tag": "<a>", "open tag": "<",
    "mark": "\u0301", "two marks": "\u0301\u0323", "marked letter": "e\u0301\u0323", "joiner": "\u200d", "selector": "\ufe0f",
    "heart": "\u2764\ufe0f\u200d", "control": "\x01", "private": "\ue000", "surrogate": "\ud800", "flag": "\U0001f1e9\U0001f1ea",
    "emoji": "\U0001f600", "black flag": "\U0001f3f4\U000e0067", "Han": "\u4e2d", "Han sentences": "\u4e2d\u6587\u3002", "Kana": "\u3042",
    "quoted Han": "\u300c\u4e2d\u3002\u300d", "Thai": "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "Hindi": "\u092f\u0939 \u0905\u091a\u094d\u091b\u093e \u0939\u0948\u0964 ",
    "Hangul": "\ud55c", "Jamo": "\u1100\u1161\u11a8", "Arabic": "\u0645\u0631\u062d\u0628\u0627 ", "prose": "Hello there, Dr. Smith. ", "URL": "http://a.b/c.d ",
    "A1": "It was shown before.[12, 13, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123] and so on ",
    "bracketed numbers": ".[" + ", ".join(map(str, range(100, 140))) + "] ",
}  # fmt: skip
TEXTS = {name: (unit * (CHARACTERS // len(unit) + 1))[:CHARACTERS] for name, unit in UNITS.items()}

CLEANED = {name: clean(text) for name, text in TEXTS.items()}

NESTED = PronunciationTable([("\u3042" * length + "\u3044", "x") for length in range(1, 64)])
LEXICON = PronunciationTable([(f"word{number}", "x") for number in range(2000)] + [("a" * 64, "b"), ("\u4e2d", "x")])


def cut(limit: Limit, language: str) -> Callable[[str], object]:
    return lambda text: list(split(text, language, limit))


RAW_FUNCTIONS: list[tuple[str, Callable[[str], object]]] = [("clean", clean), *FIELD_FUNCTIONS]
FUNCTIONS: list[tuple[str, Callable[[str], object]]] = [
    ("has_speech", has_speech),
    ("split into 2000", cut(Limit(2000), "en")),
    ("split Chinese into 2000", cut(Limit(2000), "zh")),
    ("split into 5000 bytes", cut(Limit(None, 5000), "")),
    ("nested pronunciations", NESTED.apply),
    ("2000 pronunciations", LEXICON.apply),
    ("words that fit the engine", engine_text.fitted),
    ("grapheme boundary", lambda text: boundary_before(text, 0, len(text))),
]


def seconds(function: Callable[[str], object], text: str) -> float:
    """The processor time of the fastest of three calls: others use this machine too."""

    def once() -> float:
        began = time.thread_time()
        function(text)
        return time.thread_time() - began

    # The fastest of five, but a function that is quick enough at once is not called again.
    fastest = once()
    for _ in range(4):
        fastest = fastest if fastest < SECONDS else min(fastest, once())
    return fastest


def slow(function: Callable[[str], object], texts: dict[str, str], limit: float = SECONDS) -> dict[str, float]:
    took = {name: seconds(function, text) for name, text in texts.items()}
    return {name: round(time, 3) for name, time in took.items() if time >= limit}


@pytest.mark.parametrize("function", [each for _, each in RAW_FUNCTIONS], ids=[name for name, _ in RAW_FUNCTIONS])
def test_100000_raw_characters_take_less_than_100_ms(function: Callable[[str], object]) -> None:
    assert slow(function, TEXTS) == {}


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_100000_clean_characters_take_less_than_100_ms(name: str, function: Callable[[str], object]) -> None:
    assert slow(function, CLEANED, MORE_SECONDS.get(name, SECONDS)) == {}
