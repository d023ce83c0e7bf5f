"""Coded audio read through libsndfile; loads soundfile, so it is imported when first needed."""

import io
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import soundfile

from sayna.audio.mpeg import END_TAG_BYTES
from sayna.audio.ogg import with_end
from sayna.audio.plausible import ImplausibleAudio
from sayna.audio.samples import mixed

_BLOCK_SECONDS = 0.5
_SAMPLE_BYTES = 2
_CLAIMED_BYTES = 2**30
# The first page of a stream (RFC 3533, section 6), and the first block of a flac, whose size never differs (RFC 9639).
_BEGINNING = re.compile(rb"(?=OggS\0[\x02\x06]|fLaC[\0\x80]\0\0\x22)")


def read(chunks: Iterator[bytes], audio_format: str) -> tuple[int, Iterator[bytes]]:
    """Return rate in Hz and 16-bit mono blocks of an mp3, opus or flac file; raises ImplausibleAudio.

    An mp3 is decoded while it arrives, the others when they are whole.
    """
    if audio_format != "mp3":
        files = _open(b"".join(chunks))
        return files[0].samplerate, itertools.chain.from_iterable(map(_blocks, files))
    inflow = Inflow(chunks)
    with inflow.raising(), _decoding():
        file = _Forward(inflow)
    return file.samplerate, _arriving(file, inflow, chunks)


def seconds(data: bytes, audio_format: str) -> float:
    """Return how long an mp3, opus or flac file plays; raises ImplausibleAudio.

    Only Ogg states its length. An mp3 header is an estimate and a streamed flac header has no length, so both are
    decoded.
    """
    if audio_format == "opus":
        return sum(int(file.frames) / int(file.samplerate) for file in _open(data))
    rate, blocks = read(iter([data]), audio_format)
    return sum(map(len, blocks)) / (_SAMPLE_BYTES * rate)


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise ImplausibleAudio(f"The audio cannot be decoded: {error.error_string}") from error


class Inflow:
    """A file for libsndfile whose bytes are still arriving: a read waits for them.

    libsndfile asks for the length and for a tag at the end before it reads an mp3 from its beginning. The length is
    then a large one, and the tag is empty.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()
        self._position = 0
        self._error: Exception | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as files do."""
        self._position = offset + (0, self._position, _CLAIMED_BYTES)[whence]
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes; return how many there are, fewer at the end."""
        if self._position >= _CLAIMED_BYTES - END_TAG_BYTES:
            buffer[:] = bytes(len(buffer))
            return len(buffer)
        end = self._position + len(buffer)
        try:
            while len(self._held) < end and (chunk := next(self._chunks, None)) is not None:
                self._held += chunk
        except Exception as error:  # noqa: BLE001 - libsndfile, which calls this, would lose it
            self._error = error
        data = bytes(self._held[self._position : end])
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise what the chunks have raised, instead of what libsndfile makes of it."""
        try:
            yield
        finally:
            if self._error is not None:
                raise self._error

    def write(self, data: bytes) -> int:
        """Refuse: soundfile requires the method of a file, also of one that is only read."""
        raise io.UnsupportedOperation("write")


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file read once from its beginning to its end, whatever length its header claims."""

    def seekable(self) -> bool:
        """Keep soundfile from seeking after each read, which fails in a flac of unknown length."""
        return False


def _open(data: bytes) -> list[_Forward]:
    """Return the files that a server has joined, mostly one; raises ImplausibleAudio."""
    with _decoding():
        parts = list(filter(None, _BEGINNING.split(data))) or [data]
        files = [_Forward(io.BytesIO(with_end(part))) for part in parts]
    if len({file.samplerate for file in files}) > 1:
        raise ImplausibleAudio("The audio goes on at another rate.")
    return files


def _arriving(file: _Forward, inflow: Inflow, chunks: Iterator[bytes]) -> Iterator[bytes]:
    blocks = _blocks(file)
    while True:
        with inflow.raising():
            block = next(blocks, None)
        if block is None:
            break
        yield block
    # The decoder stops where a header says so, but the sender must know that all was taken.
    for _ in chunks:
        pass


def _blocks(file: _Forward) -> Iterator[bytes]:
    with _decoding(), file:
        # In blocks: the encoder can send its first bytes before the whole file is decoded.
        count = int(file.samplerate * _BLOCK_SECONDS)
        while len(frames := file.read(count, dtype="int16", always_2d=True)):
            yield mixed(frames).tobytes()
