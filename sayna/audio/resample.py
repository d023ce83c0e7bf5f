"""Sample-rate conversion of a stream; loads numpy and soxr, so it is imported when first needed."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from sayna.audio.samples import rounded


def resample(blocks: Iterable[bytes], source_rate: int, target_rate: int) -> Iterator[bytes]:
    """Yield 16-bit mono blocks at `target_rate` Hz for blocks at `source_rate` Hz."""
    # float32, because soxr dithers 16-bit output: silence hisses, and the bytes depend on the chunk sizes
    stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32")
    for block in blocks:
        wave = np.frombuffer(block, "<i2").astype(np.float32)
        yield rounded(stream.resample_chunk(wave)).tobytes()
    yield rounded(stream.resample_chunk(np.empty(0, np.float32), last=True)).tobytes()
