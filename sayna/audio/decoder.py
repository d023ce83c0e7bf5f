"""Coded audio read through libsndfile; loads soundfile, so it is imported when first needed."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import soundfile

from sayna.audio.ogg import with_end
from sayna.audio.plausible import ImplausibleAudio
from sayna.audio.samples import mixed

_BLOCK_SECONDS = 0.5
_SAMPLE_BYTES = 2


def read(data: bytes) -> tuple[int, Iterator[bytes]]:
    """Return rate in Hz and 16-bit mono blocks of an mp3, opus or flac file; raises ImplausibleAudio."""
    file = _open(data)
    return file.samplerate, _blocks(file)


def seconds(data: bytes) -> float:
    """Return how long an mp3, opus or flac file plays; raises ImplausibleAudio.

    Only Ogg states its length. An mp3 header is an estimate and a streamed flac header has no length, so both are
    decoded.
    """
    file = _open(data)
    if file.format == "OGG":
        with file:
            return int(file.frames) / int(file.samplerate)
    return sum(map(len, _blocks(file))) / (_SAMPLE_BYTES * int(file.samplerate))


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise ImplausibleAudio(f"The audio cannot be decoded: {error.error_string}") from error


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file read once from its beginning to its end, whatever length its header claims."""

    def seekable(self) -> bool:
        """Keep soundfile from seeking after each read, which fails in a flac of unknown length."""
        return False


def _open(data: bytes) -> _Forward:
    with _decoding():
        return _Forward(io.BytesIO(with_end(data)))


def _blocks(file: _Forward) -> Iterator[bytes]:
    with _decoding(), file:
        # In blocks: the encoder can send its first bytes before the whole file is decoded.
        count = int(file.samplerate * _BLOCK_SECONDS)
        while len(frames := file.read(count, dtype="int16", always_2d=True)):
            yield mixed(frames).tobytes()
