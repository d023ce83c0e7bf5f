"""hibari's voices in the engine process: https://github.com/MMWilliams/hibari (Apache-2.0), a sentence a step.

Quirks: a clause without a comma takes memory in proportion to its length (4,000 phonemes: 860 MB, measured);
`[word](/phonemes/)` in a text is obeyed; a number of more than 36 digits raises IndexError.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from hibari import Hibari, g2p
from hibari.g2p.lexicon import Lexicon
from hibari.g2p.tagger import Tagger
from hibari.g2p.tokenize import Tokenizer
from hibari.tts import ASSETS

from sayna.engines.english import written_out
from sayna.engines.neural_session import session
from sayna.engines.packed_table import PackedFile
from sayna.engines.wire import AUDIO, END, Send, Steps

# Said at once: 12 seconds of speech, for which the model takes 50 MB.
MAX_PHONEMES = 240
FULL_SCALE = 32767
# The same text sounds the same each time, so a response that broke off can be resumed.
SEED = 0
_CLAUSE = re.compile(r"(?<=[,;:—])\s+")
# Words, and parts of a longer one.
_WORDS = re.compile(rf"\S{{1,{MAX_PHONEMES}}}")

_voices: dict[str, tuple[str, "OneVoice"]] = {}


def say(payload: bytes, send: Send) -> Steps:
    """Say one text: JSON of the model's path (empty: the one in the package), its version, accent, speed and text.

    All is read before the first sound, so that a text that cannot be read fails before it.
    """
    told = json.loads(payload)
    voice = _voice(told["model"], told["version"], is_british=told["is_british"])
    clauses = list(voice.clauses(told["text"]))
    yield
    for number, phonemes in enumerate(clauses):
        audio = voice.from_phonemes(phonemes, told["speed"], SEED + number)
        send(AUDIO, (audio * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE).astype("<i2").tobytes())
        yield
    return END


class Reader(g2p.G2P):  # type: ignore[misc]
    """hibari's reading of English, with its dictionaries packed."""

    def __init__(self, *, is_british: bool) -> None:
        accent = "gb" if is_british else "us"
        names = f"lexicon_{accent}_gold", f"lexicon_{accent}_silver", "tagger"
        gold, silver, tagger = [file.load() for file in [PackedFile(Path(ASSETS, f"{name}.json.gz")) for name in names]]
        self.lexicon = Lexicon(gold, silver, is_british)
        self.tokenizer = Tokenizer(json.loads(Path(ASSETS, "tokenizer_exceptions.json").read_bytes()))
        vocabulary = tagger.pop("vocab")  # of which Tagger would make a set of 3 MB
        self.tagger = Tagger(tagger)
        self.tagger.vocab = vocabulary
        self._oov = None
        self.unk = ""
        self.british = is_british


_reader = functools.cache(Reader)


class OneVoice(Hibari):  # type: ignore[misc]
    """A voice on one thread, which downloads nothing."""

    def __init__(self, model: Path, reader: Reader) -> None:
        self.sess = session(model, threads=1)
        self.vocab = json.loads(Path(ASSETS, "vocab.json").read_bytes())
        self._g2p = reader

    def clauses(self, text: str) -> Iterator[str]:
        """Yield the phonemes of each sentence, of a long one in parts."""
        for sentence in self.split_sentences(written_out(text)):
            yield from parts(self._g2p(sentence, normalize_text=False))


def parts(phonemes: str) -> Iterator[str]:
    """Cut phonemes at clauses, else between words, so that no part is longer than MAX_PHONEMES."""
    part = ""
    for clause in _CLAUSE.split(phonemes):
        for piece in [clause] if len(clause) <= MAX_PHONEMES else _WORDS.findall(clause):
            if part and len(part) + len(piece) >= MAX_PHONEMES:
                yield part
                part = ""
            part = f"{part} {piece}".lstrip()
    if part:
        yield part


def _voice(model: str, version: str, *, is_british: bool) -> OneVoice:
    known, voice = _voices.get(model, ("", None))
    if voice is None or known != version:
        voice = OneVoice(Path(model or Path(ASSETS, "hibari.onnx")), _reader(is_british=is_british))
        _voices[model] = (version, voice)
    return voice
