"""Sample-rate conversion of a stream; loads numpy and soxr, so it is imported when first needed."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from sayna.audio.samples import rounded

_LOUDEST = 32767


def resample(blocks: Iterable[bytes], source_rate: int, target_rate: int) -> Iterator[bytes]:
    """Yield 16-bit mono blocks at `target_rate` Hz for blocks at `source_rate` Hz."""
    # float32, because soxr dithers 16-bit output: silence hisses, and the bytes depend on the chunk sizes
    stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32")
    gain = 1.0
    for block in itertools.chain(filter(None, blocks), (b"",)):
        wave = np.frombuffer(block, "<i2").astype(np.float32)
        made = stream.resample_chunk(wave, last=not block)
        # The wave between two loud samples may be higher than both: lower what follows instead of clipping it.
        peak = float(np.abs(made).max(initial=0))
        gain = min(gain, _LOUDEST / max(peak, _LOUDEST))
        yield rounded(made * gain if gain < 1 else made).tobytes()
