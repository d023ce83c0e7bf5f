"""RIFF/WAVE, read and written."""

import itertools
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sayna.audio.plausible import ImplausibleAudio
from sayna.audio.spec import AudioSpec

_SAMPLE_BYTES = 2
_PCM = 1
_EXTENSIBLE = 0xFFFE
# (format tag, bits) of mmreg.h -> our name of the sample encoding
_TAGS = {"wav": _PCM, "wav-alaw": 6, "wav-mulaw": 7}
_ENCODINGS = {
    (_PCM, 8): "u8",
    (_PCM, 16): "s16",
    (_PCM, 24): "s24",
    (_PCM, 32): "s32",
    (3, 32): "f32",
    # What numpy has by default; servers send it by mistake.
    (3, 64): "f64",
    (6, 8): "alaw",
    (7, 8): "mulaw",
}
_PLAUSIBLE_RATES = range(4000, 192001)
# RF64 is a RIFF that may be longer than 4 GiB.
_BEGINNING = re.compile(rb"(?:RIFF|RF64).{4}WAVE", re.DOTALL)
# The name of a chunk or of an ID3 tag; what is shorter is padding.
_NO_SAMPLES = re.compile(rb"[\w ]{4}|ID3|.{0,7}\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WavFormat:
    """What a fmt chunk says: sample encoding, rate in Hz, channels."""

    encoding: str
    sample_rate: int
    channels: int


def wav_header(spec: AudioSpec, data_bytes: int) -> bytes:
    """Return the RIFF header in front of `data_bytes` bytes of samples: 44 bytes, 58 for G.711.

    A format other than PCM needs the size of its extension, here 0, and a fact chunk with the number of samples
    (Microsoft, Multimedia Programming Interface and Data Specifications 1.0).
    """
    is_pcm = spec.audio_format == "wav"
    frame = (_SAMPLE_BYTES if is_pcm else 1) * spec.channels
    form = struct.pack(
        "<HHIIHH",
        _TAGS[spec.audio_format],
        spec.channels,
        spec.sample_rate,
        spec.sample_rate * frame,
        frame,
        8 * frame // spec.channels,
    )
    fact = (b"fact", struct.pack("<I", data_bytes // frame))
    chunks = [(b"fmt ", form)] if is_pcm else [(b"fmt ", form + b"\0\0"), fact]
    head = b"".join(name + struct.pack("<I", len(body)) + body for name, body in chunks)
    size = len(b"WAVE") + len(head) + 8 + data_bytes + data_bytes % 2
    return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + head + struct.pack("<4sI", b"data", data_bytes)


def read_wav(chunks: Iterable[bytes]) -> tuple[WavFormat, Iterator[bytes]]:
    """Read up to the samples; return their format and the sample bytes as they come.

    Raises ImplausibleAudio when the bytes are not WAV or have an unknown encoding. A length in the header that is
    beyond the end means "until the end".
    """
    source = _Source(chunks)
    form, size = _header(source)
    return form, _samples(source, form, size)


def _header(source: "_Source") -> tuple[WavFormat, int]:
    """Return the format and the number of bytes of samples; 0 means until the end."""
    if not _BEGINNING.match(source.take(12)):
        raise ImplausibleAudio("The bytes do not begin like wav audio.")
    found: WavFormat | None = None
    while True:
        name, size = struct.unpack("<4sI", source.take(8))
        if name == b"data":
            break
        # RIFF pads a chunk of odd size with a byte that its size does not count.
        body = source.take(size + size % 2)
        if name == b"fmt ":
            found = _parse_format(body)
    if found is None:
        raise ImplausibleAudio("The wav audio does not say its format.")
    return found, size


def _samples(source: "_Source", form: WavFormat, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of samples, and those of the files behind them.

    Servers that speak sentence by sentence may send a file for each (github.com/remsky/Kokoro-FastAPI/pull/94).
    """
    while True:
        # A header written before the length was known says 0, or any length that is beyond the end.
        yield from source.rest(size or None)
        behind = source.peek(13)[size % 2 :]
        # The header has the length of a first piece (github.com/inworld-ai/inworld-api-examples/issues/21).
        if not _NO_SAMPLES.match(behind):
            yield from source.rest(None)
        if not _BEGINNING.match(behind):
            break
        source.take(size % 2)
        following, size = _header(source)
        if following != form:
            raise ImplausibleAudio("The wav audio goes on in another format.")
    # Read on behind the samples, or the vendor's connection could not be used again.
    for _ in source.rest(None):
        pass


def _parse_format(body: bytes) -> WavFormat:
    if len(body) < 16:  # noqa: PLR2004
        raise ImplausibleAudio("The wav audio does not say its format.")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    # WAVE_FORMAT_EXTENSIBLE: the true tag is the beginning of the sub-format.
    if tag == _EXTENSIBLE and len(body) >= 26:  # noqa: PLR2004
        (tag,) = struct.unpack_from("<H", body, 24)
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None or not channels or rate not in _PLAUSIBLE_RATES:
        raise ImplausibleAudio(f"The wav format {tag} is not supported: {bits} bits, {channels} channels, {rate} Hz.")
    return WavFormat(encoding, rate, channels)


class _Source:
    """Chunks of bytes from which a known number can be taken."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = bytearray()

    def peek(self, count: int) -> bytes:
        """Return the next `count` bytes, or all there are, without taking them."""
        while len(self._held) < count and (chunk := next(self._chunks, None)) is not None:
            self._held += chunk
        return bytes(self._held[:count])

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; raises ImplausibleAudio when there are fewer."""
        if len(taken := self.peek(count)) < count:
            raise ImplausibleAudio("The wav audio ends within its header.")
        del self._held[:count]
        return taken

    def rest(self, limit: int | None) -> Iterator[bytes]:
        """Yield what follows, at most `limit` bytes."""
        held, self._held = bytes(self._held), bytearray()
        for chunk in itertools.chain([held], self._chunks):
            if limit is not None and len(chunk) >= limit:
                self._held += chunk[limit:]
                yield chunk[:limit]
                return
            limit = limit and limit - len(chunk)
            yield chunk
