"""Text for an espeak-ng library, which espeak and Piper share: words and numbers that its buffers hold.

espeak-ng 1.52 keeps 160 bytes and 200 phonemes of a word and silently drops the rest (`N_WORD_BYTES`,
`N_WORD_PHONEMES` in its translate.h). It dies of a hyphen beside letters of another script.
"""

import bisect
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator

from sayna.engines.graphemes import CharacterTable, boundary_before, is_boundary

# Longer numbers are said digit by digit: 18 digits in one word are 202 phonemes in Latgalian (measured).
MAX_DIGITS = 15
MAX_WORD_BYTES = 120
MAX_WORD_PHONEMES = 170

_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS + 1},}}")
# Words of fewer characters always fit.
_LONG_WORD = re.compile(r"\S{6,}")
# Phonemes of a character in any voice, at most, for words of many (measured).
_SMALL_LETTER, _OTHER_LETTER, _PICTURE = 2.5, 7.0, 30.0
_PICTURES_FROM = 0x2190
JOINING = "\u200c\u200d\ufe0e\ufe0f"
# Two flags without a blank between them are not said.
_FLAG = re.compile("([\U0001f1e6-\U0001f1ff]{2})(?=[\U0001f1e6-\U0001f1ff])")
_LETTER = re.compile(r"[^\W_]")
_SIGN = re.compile(r"[\W_]")
# What NFKC writes plainly: letters and digits of full width, in circles, and of mathematics.
_STYLED = ("<wide>", "<font>", "<circle>")
_NAMED = {"\u2103": "\u00b0C", "\u2109": "\u00b0F"}  # degrees, each one character
_VOWEL = re.compile("[^b-df-hj-np-tv-z\u00df]")


def fitted(text: str) -> str:
    """Return a text with plain digits and letters, in which no word or number exceeds the engine's buffers."""
    text = text if text.isascii() else text.translate(_PLAIN)
    text = _LONG_NUMBER.sub(_digits_apart, _FLAG.sub(r"\1 ", text))
    return _LONG_WORD.sub(lambda word: " ".join(_cut(word[0])), text)


def most_phonemes(text: str) -> float:
    """Return how many phonemes a text makes at most, whatever the voice."""
    return sum(map(_phonemes, text))


def _plain(character: str) -> str:
    """Return a digit of any script in ASCII (a voice says only those of its own script), else a styled one plainly."""
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    style, plain = unicodedata.decomposition(character).partition(" ")[0], unicodedata.normalize("NFKC", character)
    # Signs of full width between clauses stay: their pauses need no blank.
    if style not in _STYLED or not (character.isalnum() or plain in "#$%&*+=@"):
        return _NAMED.get(character, character)
    return f" {plain} " if style == "<circle>" else plain


# The characters that the library knows, for each that it would leave out or spell by its name.
_PLAIN = CharacterTable(_plain)


@functools.cache
def _octets(character: str) -> int:
    """Return the bytes of UTF-8 of a character, taken apart as the library does with Hangul."""
    return len(unicodedata.normalize("NFD", character).encode(errors="replace"))


@functools.cache
def _phonemes(character: str) -> float:
    """Return the phonemes of a character, at most, in any voice."""
    if character.isspace() or character in JOINING:
        return 0
    if character.isalpha():
        return _OTHER_LETTER if character.isupper() else _SMALL_LETTER
    return _PICTURE if ord(character) >= _PICTURES_FROM else _OTHER_LETTER


def _digits_apart(number: re.Match[str]) -> str:
    text, start, end = number.string, number.start(), number.end()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return f"{' ' * before.isalpha()}{' '.join(number[0])}{' ' * after.isalpha()}"


def _cut(word: str) -> Iterator[str]:
    """Cut before a sign, so that its name is still said, else at any character that stands alone."""
    octets = [0, *itertools.accumulate(map(_octets, word))]
    phonemes = map(_phonemes, word)
    # A word without a vowel is spelled.
    weights = [
        0.0,
        *itertools.accumulate(phonemes if _VOWEL.search(word) else itertools.repeat(_OTHER_LETTER, len(word))),
    ]
    start = 0
    while start < len(word):
        # A character has one byte or more.
        last = min(len(octets), start + MAX_WORD_BYTES + 2)
        end = bisect.bisect_right(octets, octets[start] + MAX_WORD_BYTES, start, last) - 1
        end = bisect.bisect_right(weights, weights[start] + MAX_WORD_PHONEMES, start, end + 1) - 1
        if end < len(word):
            end = _sign_before(word, start, end) or boundary_before(word, start, max(end, start + 1))
        yield word[start:end]
        start = end


def _sign_before(word: str, start: int, end: int) -> int:
    backwards = word[end:start:-1]
    for sign in _SIGN.finditer(backwards):
        if is_boundary(word, start, end - sign.start()):
            return end - sign.start()
    # Signs that are all joined are cut where they must be.
    return 0 if _LETTER.search(backwards) else end
