"""Another sample rate or loudness of a stream, kept below full scale; loads numpy and soxr, when first needed."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import soxr

from sayna.audio.samples import rounded

Wave = npt.NDArray[np.float32]
# 1.2 dB below full scale, because four values a sample find a peak up to 0.7 dB too low (ITU-R BS.1770, annex 2).
CEILING = 0.87 * 32767
# MP3 and Opus change the wave: decoded, loud speech was up to 1.3 dB higher (measured).
LOSSY_CEILING = 0.74 * 32767
# The gain changes in straight lines over segments of 10 ms, so a limited peak makes no click.
SEGMENTS_PER_SECOND = 100
# The height between two samples comes from this many samples on either side.
REACH = 12
_PLACES = np.arange(1 - REACH, REACH + 1, dtype=np.float32)
_BETWEEN = tuple(
    (np.sinc(_PLACES - part) * np.cos(np.pi * (_PLACES - part) / (2 * REACH + 1)) ** 2).astype(np.float32)[::-1]
    for part in (0.25, 0.5, 0.75)
)
# Between two samples, white noise is up to 3.8 dB higher than the loudest sample of its segment (measured).
_SAFE = LOSSY_CEILING / 1.6


def resample(
    blocks: Iterable[bytes], source_rate: int, target_rate: int, *, gain_db: float = 0.0, is_lossy: bool = False
) -> Iterator[bytes]:
    """Yield 16-bit mono blocks at `target_rate` Hz, louder by `gain_db`, for blocks at `source_rate` Hz; none clips.

    `is_lossy` leaves room for a codec that changes the wave.
    """
    waves: Iterator[Wave] = (np.frombuffer(block, "<i2").astype(np.float32) for block in filter(None, blocks))
    if source_rate != target_rate:
        waves = _resampled(waves, source_rate, target_rate)
    factor = np.float32(10 ** (gain_db / 20))
    # The wave between two loud samples may be higher than both, so it is limited without a gain too.
    ceiling = LOSSY_CEILING if is_lossy and gain_db > 0 else CEILING
    for wave in limited((wave * factor for wave in waves), target_rate, ceiling):
        yield rounded(wave).tobytes()


def _resampled(waves: Iterator[Wave], source_rate: int, target_rate: int) -> Iterator[Wave]:
    # float32, because soxr dithers 16-bit output: silence hisses, and the bytes depend on the chunk sizes
    stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32")
    for wave in itertools.chain(waves, (np.zeros(0, np.float32),)):
        yield stream.resample_chunk(wave, last=not len(wave))


def limited(blocks: Iterable[Wave], rate: int, ceiling: float = CEILING) -> Iterator[Wave]:
    """Yield 16-bit samples, as floats, at `rate` Hz, turned down where the wave would be higher than `ceiling`.

    The peaks between two samples count too. The result comes 20 ms late, and does not depend on the sizes of blocks.
    """
    size = rate // SEGMENTS_PER_SECOND
    held, before, due = np.zeros(REACH, np.float32), np.float32(1), 0
    # Silence behind the end, so that the last segment has a next one.
    silence = np.zeros(2 * (size + REACH), np.float32)
    for block in itertools.chain(blocks, (silence,)):
        due += 0 if block is silence else len(block)
        held = np.concatenate((held, block))
        ready = (len(held) - 2 * REACH) // size - 1
        if ready < 1:
            continue
        gains = np.minimum(1, ceiling / _peaks(held[: (ready + 1) * size + 2 * REACH], size))
        made = held[REACH : REACH + ready * size]
        if min(before, gains.min()) < 1:
            # On both edges of a segment, the gain is low enough for it.
            edges = np.minimum(np.append(before, gains[:-1]), gains)
            slopes = np.diff(edges)[:, None] * (np.arange(size, dtype=np.float32) / np.float32(size))
            made = made * (edges[:-1, None] + slopes).reshape(-1)
        yield made[:due]
        due -= min(due, len(made))
        held, before = held[ready * size :], gains[-2]


def _peaks(wave: Wave, size: int) -> Wave:
    """Return the highest value of each segment of `size` samples, in loud ones between the samples too."""
    peaks: Wave = np.abs(wave[REACH:-REACH]).reshape(-1, size).max(axis=1)
    if len(loud := np.flatnonzero(peaks > _SAFE)):
        rows = np.lib.stride_tricks.sliding_window_view(wave, size + 2 * REACH)[::size][loud]
        for weights in _BETWEEN:
            high = np.convolve(rows.reshape(-1), weights)[2 * REACH - 1 :].reshape(rows.shape)[:, 1 : size + 1]
            peaks[loud] = np.maximum(peaks[loud], np.abs(high).max(axis=1))
    return np.maximum(peaks, np.float32(1))
