"""What a provider is asked to say: the text or the document with its pronunciations, in parts between its silences."""

import functools
import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sayna.engines.graphemes import CharacterTable
from sayna.errors import EmptyText, InvalidRequest, TextTooLong
from sayna.speech.markup import Piece, Script, UnsupportedMarkup, compiled, compiled_leniently
from sayna.speech.text import JOINERS, clean, has_speech

# Without a limit, three rules make 1 GB of 1 kB.
MAX_GROWTH = 4
# A short text may grow by this many characters: "IVR" becomes nine times as long.
MAX_ADDED = 2000
# Scripts that put no blanks between words: Thai, Lao, Tibetan, Myanmar, Khmer, Kana, Han, Yi, Javanese.
_UNSPACED_SCRIPT = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u3007\u3021-\u312f\u31a0-\u31bf"
    "\u31f0-\ua4cf\ua980-\ua9df\uaa60-\uaadf\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)

MAX_PARTS = 50
EMPTY = "there is nothing to say in this text; send letters, digits or signs"
UNSPOKEN = "there is nothing to say in this text after the pronunciations"
# Blanks around the beginning of a sentence or of a paragraph.
_SENTENCE_BREAK = re.compile(r"(?<! ) *(\n\n?)\s*")
_COMPILERS = {"ssml": compiled, "unwrapped": compiled_leniently}


@functools.lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    """Return what a character is to a word, as one letter.

    m is a mark and u another character of a script without blanks. n is a mark and s another character inside a
    word of a script with blanks. Every other character is an o.
    """
    is_mark = character in JOINERS or unicodedata.category(character)[0] == "M"
    if _UNSPACED_SCRIPT.match(character):
        return "m" if is_mark else "u"
    if is_mark:
        return "n"
    return "s" if character == "_" or character.isalnum() else "o"


# What a word may begin with: one character, or a run of a script with blanks.
_BEGINNING = re.compile("U|(?<![sSnN])(?:[SN][sSnN]*|O)")


class _Group(NamedTuple):
    """Several words with one beginning: the length of the longest, and the sorted words after an empty one."""

    size: int
    words: list[str]
    # The words that each word begins with, the shortest first and the word itself at the end.
    chains: list[list[str]]


class PronunciationTable:
    """Words and their replacements, ready to be applied to any number of texts.

    Words are compared in NFC and by case. The time is linear in the text, however many words there are.
    """

    def __init__(self, rules: Iterable[tuple[str, str]], base: "PronunciationTable | None" = None) -> None:
        """Keep the rules, which win over those of `base`; a large base costs little."""
        added = {word: clean(spoken) for written, spoken in rules if (word := clean(written).strip())}
        self._spoken: dict[str, str] = {**base._spoken, **added} if base else added
        # The kinds of all characters; those that a word begins with are capitals.
        firsts = {word[0] for word in self._spoken}
        self._kinds = CharacterTable(_kind, ((ord(first), _kind(first).upper()) for first in firsts))
        self._words: dict[str, list[str]] = dict(base._words) if base else {}
        self._groups: dict[str, _Group | None] = dict(base._groups) if base else {}
        changed: dict[str, set[str]] = {}
        for word in added:
            found = _BEGINNING.match(word.translate(self._kinds))
            changed.setdefault(word[: found.end()] if found else word, set()).add(word)
        for beginning, words in changed.items():
            self._words[beginning] = sorted(words.union(self._words.get(beginning, ())))
            self._groups[beginning] = _group(beginning, self._words[beginning])

    def apply(self, text: str, most: int | None = None) -> str:
        """Return a text in NFC with each whole word replaced, in one pass; the longest word wins.

        Raises InvalidRequest when the result has more than `most` characters, by default `longest_result` of the text.
        """
        chunks: list[str] = []
        end = 0
        # The last kind stands behind the text.
        kinds = text.translate(self._kinds) + "o"
        spoken, groups = self._spoken, self._groups
        for found in _BEGINNING.finditer(kinds):
            start, stop = found.span()
            if start < end or (word := text[start:stop]) not in groups:
                continue
            # Only a group of several words needs a search.
            if group := groups[word]:
                size, words, chains = group
                here = text[start : start + size]
                # Every word that is a beginning of `here` is also one of the last word that sorts before it.
                chain = chains[bisect_right(words, here) - 1]
                if not chain or (stop := _end_of_longest(chain, here, kinds, start)) == start:
                    continue
                word = text[start:stop]
            elif not _may_end(kinds, stop):
                continue
            if start > end:
                chunks.append(text[end:start])
            chunks.append(spoken[word])
            end = stop
        chunks.append(text[end:])
        check_result(sum(map(len, chunks)), longest_result(len(text)) if most is None else most)
        return "".join(chunks)


def longest_result(length: int) -> int:
    """Return how many characters a text of this length may have with its pronunciations."""
    return max(MAX_GROWTH * length, length + MAX_ADDED)


def check_result(length: int, most: int) -> None:
    """Raise InvalidRequest when a text has become longer than `most` characters."""
    if length > most:
        raise InvalidRequest(f"pronunciations make the text more than {MAX_GROWTH} times as long; send shorter ones")


def _group(beginning: str, words: list[str]) -> _Group | None:
    """Return the group of sorted words, None when its beginning is its only word."""
    if words == [beginning]:
        return None
    chains: list[list[str]] = [[]]
    for word in words:
        chains.append([*(each for each in chains[-1] if word.startswith(each)), word])
    return _Group(max(map(len, words)), ["", *words], chains)


def _end_of_longest(chain: list[str], here: str, kinds: str, start: int) -> int:
    """Return the end of the longest word at `start` that ends where a word may end, `start` when there is none."""
    end = start
    for word in chain:
        if not here.startswith(word):
            break
        if _may_end(kinds, place := start + len(word)):
            end = place
    return end


def _may_end(kinds: str, place: int) -> bool:
    """Return whether a word may end before `place`; one of a script without blanks may also end before a letter."""
    return kinds[place] in "uUoO" or (kinds[place] in "sS" and kinds[place - 1] in "umUM")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A cleaned text; each pause is a place in it and the milliseconds of silence there."""

    text: str
    pauses: tuple[tuple[int, int], ...] = ()
    # Multiplies the speaking rate.
    rate: float = 1.0


def spoken(text: str, markup: str, words: PronunciationTable, limit: int) -> Spoken:
    """Return what is said of a text in a markup (`none`, `ssml`, or `unwrapped`, which knows any element).

    `limit` is the number of characters that the text may have, and also what is said before pronunciations.
    Raises TextTooLong, EmptyText when nothing in it can be said, UnsupportedMarkup, InvalidRequest.
    """
    _check_length(len(text), limit)
    cleaned = _with_speech(clean(text))
    if markup in _COMPILERS:
        return _of_script(_COMPILERS[markup](text), words, limit)
    # Blanks around a text are no sound, and with them the same speech would be paid for twice.
    return Spoken(_with_speech(words.apply(cleaned), UNSPOKEN).strip())


def _of_script(script: Script, words: PronunciationTable, limit: int) -> Spoken:
    written = sum(len(piece.text) for piece in script.pieces)
    _check_length(written, limit)
    most = longest_result(written)
    parts: list[str] = []
    pauses: Counter[int] = Counter()
    length = 0
    for run, silence_ms in _runs(script.pieces):
        text = _said(run, words, most)
        if has_speech(text):
            parts.append(text)
            length += len(text)
            check_result(length, most)
        if silence_ms:
            pauses[length] += silence_ms
    if len(parts) > MAX_PARTS:
        raise UnsupportedMarkup(f"the breaks make {len(parts)} parts of the text; send at most {MAX_PARTS}")
    return Spoken(_with_speech("".join(parts)), tuple(pauses.items()), script.rate)


def _runs(pieces: Iterable[Piece]) -> Iterator[tuple[list[Piece], int]]:
    """Yield the texts up to each silence, and its milliseconds; 0 at the end."""
    run: list[Piece] = []
    for piece in pieces:
        if piece.silence_ms:
            yield run, piece.silence_ms
            run = []
        else:
            run.append(piece)
    yield run, 0


def _said(run: Iterable[Piece], words: PronunciationTable, most: int) -> str:
    said: list[str] = []
    for piece in run:
        text = clean(piece.text) if piece.is_fixed else words.apply(clean(piece.text), most)
        if said and text and said[-1][-1].isalnum() and text[0].isalnum():
            said.append(" ")
        if text:
            said.append(text)
    return _SENTENCE_BREAK.sub(r"\1", "".join(said)).strip()


def _with_speech(text: str, otherwise: str = EMPTY) -> str:
    if not has_speech(text):
        raise EmptyText(otherwise)
    return text


def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise TextTooLong(f"text has {length} characters; send at most {limit}")
