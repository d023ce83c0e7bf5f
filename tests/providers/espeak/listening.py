"""Speaking with the embedded engine and judging what is heard."""

import numpy as np

from sayna.audio.spec import AudioSpec
from sayna.http import Deadline
from sayna.providers.base import SpeechRequest
from sayna.providers.espeak import Espeak

SENTENCE = "The quick brown fox jumps over the lazy dog while the band plays on again."
RATE = 22050


def request(
    text: str, voice: str = "gmw/en-US", rate: float = 1.0, seconds: float = 30, **settings: int
) -> SpeechRequest:
    return SpeechRequest(
        text=text,
        voice_id=voice,
        model="",
        language="",
        speaking_rate=rate,
        target=AudioSpec("linear16", 24000),
        settings=settings,
        credentials=None,
        connect_seconds=5,
        deadline=Deadline.after(seconds),
    )


def samples(espeak: Espeak, text: str, voice: str = "gmw/en-US", rate: float = 1.0, **settings: int) -> np.ndarray:
    audio = espeak.synthesize(request(text, voice, rate, **settings))
    assert audio.spec == AudioSpec("linear16", RATE)
    return np.frombuffer(b"".join(audio.chunks), "<i2").astype(float)


def seconds(espeak: Espeak, text: str, voice: str = "gmw/en-US", rate: float = 1.0, **settings: int) -> float:
    return len(samples(espeak, text, voice, rate, **settings)) / RATE


def loudness(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def pitch(audio: np.ndarray) -> float:
    """The median fundamental in Hz, by autocorrelation of 50 ms frames that are not silent."""
    size, shortest, longest = RATE // 20, RATE // 500, RATE // 60
    found = []
    for start in range(0, len(audio) - size, size):
        frame = audio[start : start + size]
        if loudness(frame) > 1000:
            echoes = np.correlate(frame, frame, "full")[size - 1 :]
            found.append(RATE / (shortest + np.argmax(echoes[shortest:longest])))
    return float(np.median(found))
