"""Pronunciations: what is said instead of what is written."""

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from sayna.errors import EmptyText, InvalidRequest
from sayna.speech.text import clean, has_speech

# Without a limit, three rules make 1 GB of 1 kB.
MAX_GROWTH = 4
JOINERS = "\u200c\u200d"
# Scripts that put no blanks between words: Thai, Lao, Tibetan, Myanmar, Khmer, Kana, Han, Yi, Javanese.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u3007\u3021-\u312f\u31a0-\u31bf"
    "\u31f0-\ua4cf\ua980-\ua9df\uaa60-\uaadf\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)


class PronunciationTable:
    """Words and their replacements, ready to be applied to any number of texts.

    Words are compared in NFC and by case. The time is linear in the text, however many words there are.
    """

    def __init__(self, rules: Sequence[tuple[str, str]]) -> None:
        self._spoken = {clean(word): clean(spoken) for word, spoken in rules if clean(word)}
        # Every beginning of a word -> the longest word that is a beginning of it, or an empty string.
        self._longest: dict[str, str] = {}
        for word in sorted(self._spoken, key=len):
            for length in range(1, len(word)):
                self._longest.setdefault(word[:length], self._longest.get(word[: length - 1], ""))
            self._longest[word] = word
        # The length of the longest word for each first character.
        self._sizes = {word[0]: len(word) for word in sorted(self._spoken, key=len)}
        firsts = "".join(map(re.escape, self._sizes))
        self._first = re.compile(f"[{firsts}]") if firsts else None

    def apply(self, text: str) -> str:
        """Return a text in NFC with each whole word replaced, in one pass; the longest word wins.

        Raises InvalidRequest when the result is more than four times as long as the text.
        """
        chunks: list[str] = []
        length = end = 0
        limit = MAX_GROWTH * len(text)
        for start, word in self._found(text):
            chunks += (text[end:start], self._spoken[word])
            length += len(chunks[-2]) + len(chunks[-1])
            end = start + len(word)
            if length > limit:
                break
        if length + len(text) - end > limit:
            raise InvalidRequest(f"pronunciations make the text more than {MAX_GROWTH} times as long")
        return "".join((*chunks, text[end:]))

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        end = 0
        for candidate in self._first.finditer(text) if self._first else ():
            start = candidate.start()
            if start >= end and _begins_word(text, start) and (word := self._word_at(text, start)):
                yield start, word
                end = start + len(word)

    def _word_at(self, text: str, start: int) -> str:
        """Return the longest word at `start` that ends where a word may end, else an empty string."""
        longest = self._longest
        # The beginnings of words are nested, so a binary search finds the longest one that is here.
        known, unknown = 1, self._sizes[text[start]] + 1
        while unknown - known > 1:
            middle = (known + unknown) // 2
            if text[start : start + middle] in longest:
                known = middle
            else:
                unknown = middle
        word = longest[text[start : start + known]]
        while word and not _ends_word(text, start + len(word)):
            word = longest.get(word[:-1], "")
        return word


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


def _begins_word(text: str, place: int) -> bool:
    if place == 0 or _is_unspaced(text[place]):
        return not _is_mark(text[place])
    return not _is_spaced_letter(text[place - 1])


def _ends_word(text: str, place: int) -> bool:
    if place >= len(text):
        return True
    if _is_mark(text[place]):
        return False
    return _is_unspaced(text[place - 1]) or not _is_spaced_letter(text[place])


@functools.lru_cache(maxsize=4096)
def _is_unspaced(character: str) -> bool:
    return bool(_UNSPACED.match(character))


@functools.lru_cache(maxsize=4096)
def _is_spaced_letter(character: str) -> bool:
    """Return whether a character is inside a word of a script that puts blanks between words."""
    return not _is_unspaced(character) and (character == "_" or character.isalnum() or _is_mark(character))


@functools.lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    return character in JOINERS or unicodedata.category(character)[0] == "M"
