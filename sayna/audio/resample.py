"""Another sample rate or loudness of a stream; loads numpy and soxr, so it is imported when first needed."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from sayna.audio.limiter import CEILING, LOSSY_CEILING, Wave, limited
from sayna.audio.samples import rounded


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
