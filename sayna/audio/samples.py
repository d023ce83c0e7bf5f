"""Sample encodings turned into 16-bit mono; loads numpy, so it is imported when first needed."""

import io
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

Int16 = npt.NDArray[np.int16]


def to_mono(blocks: Iterable[bytes], encoding: str, channels: int) -> Iterator[bytes]:
    """Yield 16-bit little-endian mono for blocks of whole frames in one of the encodings of `wav`."""
    decode = _DECODERS[encoding]
    for block in blocks:
        yield mixed(decode(block).reshape(-1, channels)).tobytes()


def mixed(frames: Int16) -> Int16:
    """Return the mean over the channels of an array of shape (frames, channels)."""
    if frames.shape[1] == 1:
        return frames[:, 0]
    return rounded(frames.mean(axis=1, dtype=np.float32))


def rounded(values: npt.NDArray[np.float32]) -> Int16:
    """Return the nearest 16-bit samples, clipped where the wave is too loud for them."""
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


def _from_floats(values: npt.NDArray[Any]) -> Int16:
    # clipped before they are scaled, for infinity has no product; what is not a number is silence
    return rounded(np.nan_to_num(np.clip(values, -1, 1)) * 32768)


@cache
def _g711(subtype: str) -> Int16:
    """Return the 256 values of a companding law as libsndfile has them."""
    codes = io.BytesIO(bytes(range(256)))
    values: Int16
    values, _ = soundfile.read(codes, dtype="int16", format="RAW", subtype=subtype, samplerate=8000, channels=1)
    return values


_DECODERS: dict[str, Callable[[bytes], Int16]] = {
    "u8": lambda raw: (np.frombuffer(raw, "u1").astype("<i2") - 128) * 256,
    "s16": lambda raw: np.frombuffer(raw, "<i2"),
    # little-endian: the upper two of three bytes are the 16-bit sample
    "s24": lambda raw: np.frombuffer(raw, "u1").reshape(-1, 3)[:, 1:].copy().view("<i2"),
    "s32": lambda raw: (np.frombuffer(raw, "<i4") >> 16).astype("<i2"),
    "f32": lambda raw: _from_floats(np.frombuffer(raw, "<f4")),
    "f64": lambda raw: _from_floats(np.frombuffer(raw, "<f8")),
    "mulaw": lambda raw: _g711("ULAW")[np.frombuffer(raw, "u1")],
    "alaw": lambda raw: _g711("ALAW")[np.frombuffer(raw, "u1")],
}
