"""Where a long text may be cut: between sentences, else clauses, else words, else characters.

sentencex (https://github.com/wikimedia/sentencex) knows the sentences of some 300 languages. Its time grows with the
square of the number of sentences, so it gets a window of the text. Only its positions are used: the parts are slices
of the text itself.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sayna.engines.graphemes import boundary_before

# How many characters before a cut are searched for the end of a sentence, and how many after it.
REACH = 768
LOOKAHEAD = 64
FALLBACK_LANGUAGE = "en"

_CLOSERS = ")]}»”’」』）】》〉"  # noqa: RUF001 - what may follow the end of a sentence
# Ends of sentences in any script but for the full stop, which sentencex tells from that of an abbreviation.
_SENTENCE_ENDS = "!?…‽‼⁇⁈⁉。！？｡．؟۔։།༎၊။።፧។៕᠃᠉꓿꘎꘏꛳꛷।॥"  # noqa: RUF001
_CLAUSE_ENDS = "、，；：､，；：،؛፣፤፥፦՝᠂᠈༔།"  # noqa: RUF001
_PLACES = (
    re.compile(rf"[{_SENTENCE_ENDS}]+[{re.escape(_CLOSERS)}]*\s*|\n\s*"),
    re.compile(rf"[,;:–—.]\s+|[{_CLAUSE_ENDS}]\s*"),  # noqa: RUF001
    re.compile(r"\s+"),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a provider takes at once, in characters and in bytes of UTF-8; None is no limit."""

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
    begin = max(start, end - REACH)
    if found := _last(_sentence_starts(text[begin : end + LOOKAHEAD], language), end - begin):
        return begin + found
    for pattern in _PLACES:
        ends = (match.end() for match in pattern.finditer(text, start, min(len(text), end + LOOKAHEAD)))
        if found := _last(ends, end):
            return found
    return boundary_before(text, start, end)


def _last(places: Iterator[int], limit: int) -> int:
    return max(itertools.takewhile(lambda place: place <= limit, places), default=0)


def _sentence_starts(window: str, language: str) -> Iterator[int]:
    import sentencex  # noqa: PLC0415 - only long texts need it

    code = language.partition("-")[0].lower() or FALLBACK_LANGUAGE
    return itertools.accumulate(map(len, sentencex.segment(code, window)))
