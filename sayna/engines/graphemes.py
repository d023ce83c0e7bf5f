"""Characters: tables of them, and where a text may be cut: never inside what a reader sees as one character.

The rules that matter for speech of Unicode's grapheme clusters (UAX #29), with `unicodedata` alone.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterable

JOINER = "\u200d"
# Spacing vowels that Unicode counts as letters: Thai and Lao sara am.
_TRAILING_VOWELS = "\u0e33\u0eb3"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_REGIONS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_TAGS = range(0xE0020, 0xE0080)


class CharacterTable(dict[int, str | int]):
    """What `str.translate` puts for each character, worked out by `make` when the character is first seen.

    A character that stays is its own number, which takes less time than a string of it.
    """

    def __init__(self, make: Callable[[str], str | int], known: Iterable[tuple[int, str]] = ()) -> None:
        super().__init__(known)
        self._make = make

    def __missing__(self, code: int) -> str | int:
        self[code] = self._make(chr(code))
        return self[code]


def boundary_before(text: str, start: int, end: int) -> int:
    """Return the last place in (start, end] at which `text` may be cut, `end` when there is none."""
    for place in range(end, start, -1):
        if is_boundary(text, start, place):
            return place
    return end


def is_boundary(text: str, start: int, place: int) -> bool:
    """Return whether `text` may be cut at `place`, when it was cut at `start` before."""
    if not start < place < len(text):
        return True
    before, after = text[place - 1], text[place]
    if _extends(after) or _binds(before) or before + after == "\r\n":
        return False
    return not (after in _REGIONS and _is_open_flag(text, start, place))


@functools.lru_cache(maxsize=4096)
def _extends(character: str) -> bool:
    code = ord(character)
    if code in _SKIN_TONES or code in _TAGS or character in JOINER + _TRAILING_VOWELS:
        return True
    return unicodedata.category(character)[0] == "M"


@functools.lru_cache(maxsize=4096)
def _binds(character: str) -> bool:
    """Return whether a character joins the next one: a joiner, or a virama between two consonants."""
    return character == JOINER or unicodedata.combining(character) == 9  # noqa: PLR2004 - the class of viramas


def _is_open_flag(text: str, start: int, place: int) -> bool:
    """Return whether an odd number of regional indicators precedes: two make one flag."""
    first = place
    while first > start and text[first - 1] in _REGIONS:
        first -= 1
    return (place - first) % 2 == 1
