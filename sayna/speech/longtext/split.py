"""Where a long text may be cut: between sentences, else clauses, else words, else characters.

pysbd (https://github.com/nipunsadvilkar/pySBD) knows sentences in 23 languages. Its time grows with the
square of the text and it may change or drop characters, so it is shown a window only, and asked for
positions only: what is spoken are slices of the text itself.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# How much of the text before a cut is looked at for the end of a sentence, and how much after it.
REACHES = (1024, 4096)
LOOKAHEAD = 64
FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a vendor takes at once, in characters and in bytes of UTF-8; None is no limit."""

    chars: int | None = None
    octets: int | None = None

    def parts(self, text: str) -> int:
        """Return how many full parts a text makes at least."""
        counts = [1]
        if self.chars:
            counts.append(-(-len(text) // self.chars))
        if self.octets:
            counts.append(-(-len(text.encode()) // self.octets))
        return max(counts)

    def reach(self, text: str, start: int) -> int:
        """Return the end of the longest run from `start` that fits; one character always does."""
        end = min(len(text), start + min(self.chars or len(text), self.octets or len(text)))
        if self.octets:
            end = start + len(text[start:end].encode()[: self.octets].decode(errors="ignore"))
        return max(end, start + 1)


def split(text: str, language: str, limit: Limit) -> Iterator[str]:
    """Yield the parts in order, trimmed; nothing but white space between them is left out."""
    start = 0
    while start < len(text):
        end = limit.reach(text, start)
        if end < len(text):
            end = _cut(text, start, end, language)
        if part := text[start:end].strip():
            yield part
        start = end


def _cut(text: str, start: int, end: int, language: str) -> int:
    """Return the last good place to cut in (start, end]."""
    for reach in (*REACHES, end - start):
        begin = max(start, end - reach)
        if found := _last(_sentence_starts(text[begin : end + LOOKAHEAD], language), end - begin):
            return begin + found
    for pattern in _patterns():
        ends = (match.end() for match in pattern.finditer(text[start : end + LOOKAHEAD]))
        if found := _last(ends, end - start):
            return start + found
    return end


def _last(places: Iterator[int], limit: int) -> int:
    return max(itertools.takewhile(lambda place: place <= limit, places), default=0)


def _sentence_starts(window: str, language: str) -> Iterator[int]:
    at = 0
    for segment in _segmenter(language.partition("-")[0].lower()).segment(window):
        sentence = segment.strip()
        found = window.find(sentence, at) if sentence else -1
        if found >= 0:
            yield found
            at = found + len(sentence)


@functools.cache
def _segmenter(language: str) -> Any:
    import pysbd  # noqa: PLC0415 - only long texts need it
    from pysbd.languages import LANGUAGE_CODES  # noqa: PLC0415

    known = language if language in LANGUAGE_CODES else FALLBACK_LANGUAGE
    return pysbd.Segmenter(language=known, clean=False)


@functools.cache
def _patterns() -> tuple[Any, ...]:
    """Return the ends of sentences in any script, of clauses, of words and of grapheme clusters."""
    import regex  # noqa: PLC0415 - only long texts need it

    return (
        regex.compile(r"[\p{STerm}--[.]]+[\p{Pe}\p{Pf}]*\s*|\n\s*", regex.V1),
        regex.compile(r"[\p{Term}\p{SB=SC}]\s+|[\p{Term}\p{SB=SC}--\p{ASCII}]\s*", regex.V1),
        regex.compile(r"\s+"),
        regex.compile(r"\X"),
    )
