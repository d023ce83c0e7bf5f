"""Sines written by soundfile as every format, and what a listener hears in bytes."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile

from sayna.audio.spec import AudioSpec

HERTZ = 440
SUBTYPES = {
    "linear16": ("RAW", "PCM_16"),
    "mulaw": ("RAW", "ULAW"),
    "alaw": ("RAW", "ALAW"),
    "wav": ("WAV", "PCM_16"),
    "wav-mulaw": ("WAV", "ULAW"),
    "wav-alaw": ("WAV", "ALAW"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
RAW = ("linear16", "mulaw", "alaw")


@dataclass(frozen=True, slots=True)
class Heard:
    """What decoding some bytes gives."""

    rate: int
    channels: int
    seconds: float
    loudness: float
    hertz: float


def sine(rate: int, seconds: float = 0.5, hertz: float = HERTZ) -> np.ndarray:
    """Half of full scale, 16 bits."""
    wave = 16384 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    samples: np.ndarray = np.rint(wave).astype("<i2")
    return samples


def written(samples: np.ndarray, spec: AudioSpec, subtype: str | None = None) -> bytes:
    container, usual = SUBTYPES[spec.audio_format]
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, spec.sample_rate, format=container, subtype=subtype or usual)
    return buffer.getvalue()


@lru_cache(maxsize=128)
def tone(spec: AudioSpec, seconds: float = 0.5) -> bytes:
    """Return a sine in a format; hundreds of tests begin with the same few."""
    return written(sine(spec.sample_rate, seconds), spec)


def samples_of(data: bytes, spec: AudioSpec) -> tuple[np.ndarray, int]:
    container, subtype = SUBTYPES[spec.audio_format]
    raw = {"samplerate": spec.sample_rate, "channels": 1, "format": container, "subtype": subtype}
    samples, rate = soundfile.read(io.BytesIO(data), always_2d=True, **(raw if spec.audio_format in RAW else {}))
    return samples, rate


def heard(data: bytes, spec: AudioSpec) -> Heard:
    samples, rate = samples_of(data, spec)
    wave = samples[:, 0]
    # A power of two, because the transform of a length with large prime factors takes ten times as long.
    size = 1 << len(wave).bit_length()
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size))
    return Heard(
        rate=rate,
        channels=samples.shape[1],
        seconds=len(wave) / rate,
        loudness=float(np.sqrt(np.mean(wave**2))),
        hertz=float(np.argmax(spectrum) * rate / size),
    )


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))
