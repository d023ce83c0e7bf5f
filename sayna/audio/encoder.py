"""Coded audio written through libsndfile; loads soundfile, so it is imported when first needed."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import soundfile

from sayna.audio.ogg import with_serial
from sayna.audio.sink import Sink
from sayna.audio.spec import AudioSpec

_MPEG_1_FROM = 32000


# What libsndfile calls a format; a level of 0 is the best quality, 1 the smallest file.
_CODECS: dict[str, dict[str, Any]] = {
    "mulaw": {"format": "RAW", "subtype": "ULAW"},
    "alaw": {"format": "RAW", "subtype": "ALAW"},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    # 58 kb/s: at 45 kb/s libopus leaves CELT for SILK, which costs more than twice the CPU
    "opus": {"format": "OGG", "subtype": "OPUS", "compression_level": 0.8},
    # 64 kb/s; 32 kb/s at 8 kHz
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": 0.6, "bitrate_mode": "CONSTANT"},
}
# MPEG-1 (32 kHz and above) spreads the levels over 32..320 kb/s: this one is 64 kb/s
_MPEG_1 = _CODECS["mp3"] | {"compression_level": 0.87}


def write(blocks: Iterable[bytes], target: AudioSpec, head: bytearray) -> Iterator[bytes]:
    """Return the coded bytes of 16-bit mono blocks as soon as the encoder has some; at the end, fill in the head.

    The same samples are the same bytes, in every process.
    """
    coded = _coded(blocks, target, head)
    return with_serial(coded) if target.audio_format == "opus" else coded


def _coded(blocks: Iterable[bytes], target: AudioSpec, head: bytearray) -> Iterator[bytes]:
    sink = Sink(skip_info=target.audio_format == "mp3")
    with _writer(sink, target) as file:
        for block in blocks:
            file.buffer_write(block, dtype="int16")
            yield sink.drain()
    head += sink.info
    yield sink.drain()


def write_whole(blocks: Iterable[bytes], target: AudioSpec) -> bytes:
    """Return the whole file of 16-bit mono blocks, its header written last."""
    buffer = io.BytesIO()
    with _writer(buffer, target) as file:
        for block in blocks:
            file.buffer_write(block, dtype="int16")
    return buffer.getvalue()


def _writer(file: io.BytesIO | Sink, target: AudioSpec) -> soundfile.SoundFile:
    mpeg_1 = target.audio_format == "mp3" and target.sample_rate >= _MPEG_1_FROM
    codec = _MPEG_1 if mpeg_1 else _CODECS[target.audio_format]
    return soundfile.SoundFile(file, "w", target.sample_rate, 1, **codec)
