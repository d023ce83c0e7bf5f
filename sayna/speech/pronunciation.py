"""Pronunciations: what is said instead of what is written."""

import itertools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

from sayna.errors import EmptyText, InvalidRequest
from sayna.speech.text import clean, has_speech

# Without a limit, three rules make 1 GB of 1 kB.
MAX_GROWTH = 4
JOINERS = "\u200c\u200d"
# Scripts that put no blanks between words: Thai, Lao, Tibetan, Myanmar, Khmer, Kana, Han, Yi, Javanese.
_UNSPACED_SCRIPT = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u3007\u3021-\u312f\u31a0-\u31bf"
    "\u31f0-\ua4cf\ua980-\ua9df\uaa60-\uaadf\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)


_MARK, _UNSPACED, _SPACED = 1, 2, 4


class _Kinds(dict[str, int]):
    """What a character is to a word: a mark, of a script without blanks, inside a word of a script with blanks."""

    def __missing__(self, character: str) -> int:
        mark = _MARK * (character in JOINERS or unicodedata.category(character)[0] == "M")
        unspaced = _UNSPACED * bool(_UNSPACED_SCRIPT.match(character))
        spaced = _SPACED * (not unspaced and bool(mark or character == "_" or character.isalnum()))
        self[character] = mark | unspaced | spaced
        return self[character]


_KINDS = _Kinds()


class PronunciationTable:
    """Words and their replacements, ready to be applied to any number of texts.

    Words are compared in NFC and by case. The time is linear in the text, however many words there are.
    """

    def __init__(self, rules: Sequence[tuple[str, str]]) -> None:
        self._spoken = {clean(word): clean(spoken) for word, spoken in rules if clean(word)}
        # First character -> the length of the longest word, and the sorted words.
        self._groups: dict[str, tuple[int, list[str]]] = {}
        # The words that are a beginning of a word, the word itself at the end.
        self._beginnings: dict[str, list[str]] = {"": []}
        before: list[str] = []
        for word in sorted(self._spoken):
            before = [*(each for each in before if word.startswith(each)), word]
            self._beginnings[word] = before
            size, words = self._groups.get(word[0], (0, [""]))
            words.append(word)
            self._groups[word[0]] = max(size, len(word)), words
        firsts = "".join(map(re.escape, self._groups))
        self._first = re.compile(f"[{firsts}]") if firsts else None

    def apply(self, text: str) -> str:
        """Return a text in NFC with each whole word replaced, in one pass; the longest word wins.

        Raises InvalidRequest when the result is more than four times as long as the text.
        """
        chunks: list[str] = []
        length = end = 0
        limit = MAX_GROWTH * len(text)
        # The last kind stands before the text too.
        kinds = [*map(_KINDS.__getitem__, text), 0]
        for candidate in self._first.finditer(text) if self._first else ():
            start = candidate.start()
            if start < end or not _begins_word(kinds, start) or not (word := self._word_at(text, kinds, start)):
                continue
            spoken = self._spoken[word]
            chunks += (text[end:start], spoken)
            length += start - end + len(spoken)
            end = start + len(word)
            if length > limit:
                break
        if length + len(text) - end > limit:
            raise InvalidRequest(f"pronunciations make the text more than {MAX_GROWTH} times as long")
        return "".join((*chunks, text[end:]))

    def _word_at(self, text: str, kinds: Sequence[int], start: int) -> str:
        """Return the longest word at `start` that ends where a word may end, else an empty string."""
        size, words = self._groups[text[start]]
        here = text[start : start + size]
        # Every word that is a beginning of `here` is also one of the last word that sorts before it.
        last = words[bisect_right(words, here) - 1]
        if here.startswith(last) and _ends_word(kinds, start + len(last)):
            return last
        found = [*itertools.takewhile(here.startswith, self._beginnings[last])]
        return next((word for word in reversed(found) if _ends_word(kinds, start + len(word))), "")


def spoken_text(text: str, rules: Sequence[tuple[str, str]]) -> str:
    """Return what a provider is asked to say: the cleaned text with its pronunciations.

    Raises EmptyText when nothing in it can be said, InvalidRequest as PronunciationTable does.
    """
    cleaned = clean(text)
    if not has_speech(cleaned):
        raise EmptyText("there is nothing to say in this text; send letters, digits or signs")
    spoken = PronunciationTable(rules).apply(cleaned) if rules else cleaned
    if not has_speech(spoken):
        raise EmptyText("there is nothing to say in this text after the pronunciations")
    return spoken


def _begins_word(kinds: Sequence[int], place: int) -> bool:
    kind = kinds[place]
    return not (kind & _MARK if kind & _UNSPACED else kinds[place - 1] & _SPACED)


def _ends_word(kinds: Sequence[int], place: int) -> bool:
    kind = kinds[place]
    return not (kind and (kind & _MARK or (kind & _SPACED and not kinds[place - 1] & _UNSPACED)))
