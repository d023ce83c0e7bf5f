"""A Piper voice that says the whole text and obeys nothing in it; imports piper, so it is loaded when first needed."""

import re
from collections.abc import Iterator

from piper import PiperVoice
from piper.config import PhonemeType

from sayna.providers.engine_text import fitted, most_phonemes

# Below the 1000 phonemes that espeak-ng keeps of a clause.
MAX_PHONEMES = 800
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
            found: list[list[str]] = super().phonemize(run)
            if is_open and sentences and found:
                sentences[-1] += [" ", *found.pop(0)]
            sentences += found
            is_open = is_cut
        return sentences


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
