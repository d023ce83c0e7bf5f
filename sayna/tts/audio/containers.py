"""Coded audio read and written through libsndfile; loads soundfile, so it is imported when first needed."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import soundfile

from sayna.tts.audio.plausible import ImplausibleAudio
from sayna.tts.audio.samples import mixed
from sayna.tts.base import AudioSpec

_BLOCK_SECONDS = 0.5
_WIDE_BAND_FROM = 32000


@dataclass(frozen=True, slots=True)
class _Codec:
    """How libsndfile names a format; a level of 0 is the best quality, 1 the smallest file."""

    container: str
    subtype: str
    level: float | None = None
    bitrate_mode: str | None = None


_CODECS = {
    "mulaw": _Codec("RAW", "ULAW"),
    "alaw": _Codec("RAW", "ALAW"),
    "flac": _Codec("FLAC", "PCM_16"),
    # 58 kb/s: below that libopus leaves CELT for SILK, which costs twice the CPU
    "opus": _Codec("OGG", "OPUS", 0.8),
    # 64 kb/s; 32 kb/s at 8 kHz
    "mp3": _Codec("MP3", "MPEG_LAYER_III", 0.6, "CONSTANT"),
}
# MPEG-1 (32 kHz and above) spreads the levels over 32..320 kb/s: this one is 64 kb/s
_MPEG_1 = _Codec("MP3", "MPEG_LAYER_III", 0.9, "CONSTANT")


def read(data: bytes) -> tuple[int, Iterator[bytes]]:
    """Return rate in Hz and 16-bit mono blocks of an mp3, opus or flac file; raises ImplausibleAudio."""
    file = _open(data)
    return file.samplerate, _blocks(file)


def seconds(data: bytes) -> float:
    """Return how long an mp3, opus or flac file plays; raises ImplausibleAudio."""
    with _open(data) as file:
        return float(file.frames / file.samplerate)


def write(blocks: Iterable[bytes], target: AudioSpec) -> Iterator[bytes]:
    """Yield the coded bytes of 16-bit mono blocks as soon as the encoder has some."""
    sink = _Sink()
    with _writer(sink, target) as file:
        for block in blocks:
            file.buffer_write(block, dtype="int16")
            yield sink.drain()
    yield sink.drain()


def write_whole(blocks: Iterable[bytes], target: AudioSpec) -> bytes:
    """Return the whole file of 16-bit mono blocks, its header written last."""
    buffer = io.BytesIO()
    with _writer(buffer, target) as file:
        for block in blocks:
            file.buffer_write(block, dtype="int16")
    return buffer.getvalue()


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise ImplausibleAudio(f"The audio cannot be decoded: {error.error_string}") from error


def _open(data: bytes) -> soundfile.SoundFile:
    with _decoding():
        return soundfile.SoundFile(io.BytesIO(data))


def _blocks(file: soundfile.SoundFile) -> Iterator[bytes]:
    with _decoding(), file:
        count = int(file.samplerate * _BLOCK_SECONDS)
        while len(frames := file.read(count, dtype="int16", always_2d=True)):
            yield mixed(frames).tobytes()


def _writer(file: "io.BytesIO | _Sink", target: AudioSpec) -> soundfile.SoundFile:
    wide = target.audio_format == "mp3" and target.sample_rate >= _WIDE_BAND_FROM
    codec = _MPEG_1 if wide else _CODECS[target.audio_format]
    return soundfile.SoundFile(
        file,
        "w",
        target.sample_rate,
        1,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=codec.level,
        bitrate_mode=codec.bitrate_mode,
    )


class _Sink:
    """A file for libsndfile that only grows and whose new bytes can be drained.

    LAME keeps room for an Info frame and fills it when the file is closed. In a stream it is too late
    for that, so the empty frame is never sent; what is written after seeking back is dropped.
    """

    def __init__(self) -> None:
        self._fresh = bytearray()
        self._position = self._size = 0

    def write(self, data: bytes) -> int:
        """Append what is written at the end; take no notice of anything else."""
        if self._position == self._size:
            self._size += len(data)
            if not _is_empty_mp3_frame(data):
                self._fresh += data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as files do."""
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def drain(self) -> bytes:
        """Return the bytes that came since the last call."""
        drained = bytes(self._fresh)
        self._fresh.clear()
        return drained


def _is_empty_mp3_frame(data: bytes) -> bool:
    return len(data) > 4 and data[0] == 0xFF and not any(data[4:])  # noqa: PLR2004
