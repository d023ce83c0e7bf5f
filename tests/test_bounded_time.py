"""Every function that works on a caller's text needs little time for 100,000 characters, and in proportion to them.

Add (name, function) to FUNCTIONS when it gets a cleaned text, to RAW_FUNCTIONS when it gets what the caller sent.
"""

import contextlib
import random
import sys
import time
from collections.abc import Callable
from functools import cache
from xml.sax.saxutils import escape

import pytest

from sayna.engines import engine_text
from sayna.engines.graphemes import boundary_before
from sayna.errors import InvalidRequest
from sayna.speech.longtext import Limit, split
from sayna.speech.markup import compiled, compiled_leniently
from sayna.speech.spoken import PronunciationTable
from sayna.speech.text import clean, has_speech
from tests.bounded_fields import FIELD_FUNCTIONS

CHARACTERS = 100_000
SECONDS = 0.1
# One step in Python for each character, such as 100,000 replacements.
MORE = {
    # Three documents.
    "compiled markup": 3,
    "spelled markup": 2,
    "nested pronunciations": 2,
    "chained pronunciations": 2,
    "words that fit the engine": 2,
}
# Four times the text may take this many times as long; 16 is the figure of a quadratic function.
GROWTH = 8
# The time of a loop over 100,000 characters on the machine for which SECONDS is meant (measured: 4 ms).
LOOP_SECONDS = 0.004
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
    "backslashes": '"\\', "escaped quotes": '\\"', "tabs": "\t", "scheme": "sip:", "ports": "a:1", "text and tag": "x<a/>", "at signs": "a@",
    "chain": "\u3042\u3093", "bracketed numbers": ".[" + ", ".join(map(str, range(100, 140))) + "] ",
}  # fmt: skip
TEXTS = {name: (unit * (CHARACTERS // len(unit) + 1))[:CHARACTERS] for name, unit in UNITS.items()}


@cache
def cleaned() -> dict[str, str]:
    return {name: clean(text) for name, text in TEXTS.items()}


NESTED = PronunciationTable([("\u3042" * length + "\u3044", "x") for length in range(1, 64)])
CHAIN = PronunciationTable([("\u3042" * length, "x") for length in range(1, 65)])
LEXICON = PronunciationTable([(f"word{number}", "x") for number in range(2000)] + [("a" * 64, "b"), ("\u4e2d", "x")])


def cut(limit: Limit, language: str) -> Callable[[str], object]:
    return lambda text: list(split(text, language, limit))


def compile_markup(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        compiled(f'<speak><p>{escape(text)}<say-as interpret-as="digits">{escape(text)}</say-as></p></speak>')
    with contextlib.suppress(InvalidRequest):
        compiled_leniently(text)


def spell_markup(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        compiled(f'<speak><say-as interpret-as="characters">{escape(text)}</say-as></speak>')


RAW_FUNCTIONS: list[tuple[str, Callable[[str], object]]] = [
    ("clean", clean),
    ("compiled markup", compile_markup),
    *FIELD_FUNCTIONS,
]
FUNCTIONS: list[tuple[str, Callable[[str], object]]] = [
    ("has_speech", has_speech),
    ("spelled markup", spell_markup),
    ("split into 2000", cut(Limit(2000), "en")),
    ("split Chinese into 2000", cut(Limit(2000), "zh")),
    ("split into 5000 bytes", cut(Limit(None, 5000), "")),
    ("nested pronunciations", NESTED.apply),
    ("chained pronunciations", CHAIN.apply),
    ("2000 pronunciations", LEXICON.apply),
    ("words that fit the engine", engine_text.fitted),
    ("grapheme boundary", lambda text: boundary_before(text, 0, len(text))),
]


def loop(text: str) -> int:
    counts = {"a": 1}
    return sum([counts[character] for character in text])


def seconds(function: Callable[[str], object], text: str, enough: float = 0.0, calls: int = 5) -> float:
    """Return the processor time of the fastest of the calls, because others use this machine too.

    Measured without the tracer of a coverage run, which costs several times what each line costs.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        fastest = float("inf")
        for _ in range(calls):
            began = time.thread_time()
            function(text)
            fastest = min(fastest, time.thread_time() - began)
            if fastest < enough:
                break
        return fastest
    finally:
        sys.settrace(tracer)


def longest() -> float:
    """Return SECONDS as this machine is now: it takes longer while others share its cores and caches."""
    return SECONDS * max(1.0, seconds(loop, "a" * CHARACTERS) / LOOP_SECONDS)


def slow(function: Callable[[str], object], texts: dict[str, str], more: float = 1) -> dict[str, str]:
    """Return the figures of the texts that take long, or too long for their length."""
    limit = longest() * more
    found = {}
    for name, text in texts.items():
        # What is quick at full length is quick enough at any growth.
        if (whole := seconds(function, text, calls=1)) < limit / 3:
            continue
        quarter = seconds(function, text[: CHARACTERS // 4], calls=2)
        if whole >= limit or whole > GROWTH * quarter:
            # A busy machine takes longer for minutes: the fastest of more calls says what the function needs.
            limit = max(limit, longest() * more)
            quarter = min(quarter, seconds(function, text[: CHARACTERS // 4]))
            whole = min(whole, seconds(function, text, min(limit, GROWTH * quarter), calls=20))
        if whole >= limit or whole > GROWTH * quarter:
            found[name] = f"{quarter * 1000:.0f} ms for a quarter, {whole * 1000:.0f} ms"
    return found


@pytest.mark.parametrize(("name", "function"), RAW_FUNCTIONS, ids=[name for name, _ in RAW_FUNCTIONS])
def test_100000_raw_characters_take_bounded_time(name: str, function: Callable[[str], object]) -> None:
    assert slow(function, TEXTS, MORE.get(name, 1)) == {}


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_100000_clean_characters_take_bounded_time(name: str, function: Callable[[str], object]) -> None:
    assert slow(function, cleaned(), MORE.get(name, 1)) == {}


@pytest.mark.parametrize("function", [each for _, each in FUNCTIONS], ids=[name for name, _ in FUNCTIONS])
def test_time_grows_with_the_length_of_mixed_texts(function: Callable[[str], object]) -> None:
    dice = random.Random(11)
    mixed = "".join(dice.choices(list(UNITS.values()), k=CHARACTERS))[: 4 * CHARACTERS]
    sizes = (CHARACTERS // 4, CHARACTERS // 2, CHARACTERS)
    quarter, half, whole = (seconds(function, clean(mixed[:size])) for size in sizes)

    assert half <= GROWTH / 2 * quarter + 0.002
    assert whole <= GROWTH * quarter + 0.002
