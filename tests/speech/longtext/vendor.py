"""A vendor in this process that sings one endless sine: each part of a text is its next stretch."""

import math
import struct
import threading
from collections.abc import Callable, Iterator

import numpy as np

from sayna.audio.spec import AudioSpec
from sayna.errors import ProviderError
from sayna.http import Deadline
from sayna.providers.base import AudioStream, SpeechRequest, TTSProvider, Voice
from tests.audio.sounds import written

RATE = 16000
SAMPLES_PER_CHARACTER = 160


def stretch(start: int, count: int) -> list[int]:
    """Samples of the endless sine; none of them is zero."""
    return [round(12000 * math.sin(0.05 * at + 0.01)) or 1 for at in range(start, start + count)]


def packed(samples: list[int]) -> bytes:
    """The samples as linear16."""
    return struct.pack(f"<{len(samples)}h", *samples)


class Singer(TTSProvider):
    """Takes 100 characters; a part with FAIL breaks in its middle, `hold` is called before each part."""

    slug = "singer"
    default_voice = "one"
    max_chars = 100
    configured = True

    def __init__(self, text: str, *, sends: str = "linear16", hold: Callable[[str], None] = lambda part: None) -> None:
        self._text = "".join(text.split())
        self._sends = sends
        self._hold = hold
        self._lock = threading.Lock()
        self.parts: list[str] = []
        self.deadlines: list[Deadline] = []
        self.at_once = self.most_at_once = 0
        self.closed: list[str] = []

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        return []

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        part = request.text
        with self._lock:
            self.parts.append(part)
            self.deadlines.append(request.deadline)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        spec = AudioSpec(self._sends, RATE)
        return AudioStream(spec, self._audio(part, spec), lambda: self.closed.append(part))

    def samples_of(self, part: str) -> list[int]:
        """What a part sounds like: where it is in the whole text, white space left out."""
        letters = "".join(part.split())
        start = self._text.index(letters)
        return stretch(start * SAMPLES_PER_CHARACTER, len(letters) * SAMPLES_PER_CHARACTER)

    def _audio(self, part: str, spec: AudioSpec) -> Iterator[bytes]:
        self._hold(part)
        audio = packed(self.samples_of(part))
        if self._sends != "linear16":
            audio = written(np.array(self.samples_of(part), np.int16), spec)
        half = len(audio) // 2 + 1
        yield audio[:half]
        if "FAIL" in part:
            raise ProviderError("broken off")
        yield audio[half:]
        with self._lock:
            self.at_once -= 1
