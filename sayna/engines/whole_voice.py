"""A Piper voice that says the whole text and obeys nothing in it; imports piper, so it is loaded when first needed."""

import re
from collections.abc import Iterator

from piper import PiperVoice
from piper.config import PhonemeType

from sayna.engines.engine_text import fitted, most_phonemes
from sayna.engines.graphemes import boundary_before

# Below the 1000 phonemes that espeak-ng keeps of a clause.
MAX_PHONEMES = 800
# Letters of another script may be spelled, up to 30 phonemes each. What is dropped shows in the two halves.
MAX_LOSS = 0.04
MAX_WORD_PHONEMES = 400
SHORT_CHARACTERS = 20
SENTENCE_ENDS = tuple(".!?:;,")
_WORD = re.compile(r"\S+\s*")


class WholeVoice(PiperVoice):
    """Phonemes of long clauses are asked for in runs and joined, because espeak-ng drops the end of a long clause."""

    def phonemize(self, text: str) -> list[list[str]]:
        """Return the phonemes of each sentence; `[[` does not begin phonemes."""
        if self.config.phoneme_type == PhonemeType.TEXT:
            return list(super().phonemize(text))
        sentences: list[list[str]] = []
        is_open = False
        for run, is_cut in _runs(fitted(text.replace("[[", "[ ["))):
            found = self._whole(run)
            if is_open and sentences and found:
                sentences[-1] += [" ", *found.pop(0)]
            sentences += found
            is_open = is_cut
        return sentences

    def _whole(self, run: str) -> list[list[str]]:
        """Return the phonemes of a run, of its halves when espeak-ng drops some of them."""
        found: list[list[str]] = super().phonemize(run)
        if run.isascii() or len(run) <= SHORT_CHARACTERS:
            return found
        cut = _middle(run, is_spelled=_size(found) > MAX_WORD_PHONEMES)
        if not cut:
            return found
        left, right = self._whole(run[:cut]), self._whole(run[cut:])
        if (_size(left) + _size(right)) * (1 - MAX_LOSS) - 2 <= _size(found):
            return found
        if left and right and not run[:cut].rstrip().endswith(SENTENCE_ENDS):
            left[-1] += [" ", *right.pop(0)]
        return left + right


def _size(sentences: list[list[str]]) -> int:
    return sum(map(len, sentences))


def _middle(run: str, *, is_spelled: bool) -> int:
    """Return the blank nearest to the middle, else the middle when the words are spelled, else 0."""
    middle = len(run) // 2
    blanks = [place for place in (run.rfind(" ", 1, middle), run.find(" ", middle, -1)) if place > 0]
    if blanks or not is_spelled:
        return min(blanks, key=lambda place: abs(place - middle), default=0)
    return boundary_before(run, 0, middle)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield runs of words that fit, and whether each ends inside a clause."""
    start = 0
    weight = 0.0
    for word in _WORD.finditer(text):
        cost = most_phonemes(word[0])
        if weight + cost > MAX_PHONEMES and word.start() > start:
            yield text[start : word.start()], True
            start, weight = word.start(), 0.0
        weight = 0.0 if word[0].rstrip().endswith(SENTENCE_ENDS) else weight + cost
    yield text[start:], False
