"""RIFF/WAVE: true headers written, and every kind of header that vendors stream read."""

import itertools
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
    (6, 8): "alaw",
    (7, 8): "mulaw",
}
_PLAUSIBLE_RATES = range(4000, 192001)


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
        "<HHIIHH", _TAGS[spec.audio_format], spec.channels, spec.sample_rate, spec.sample_rate * frame, frame,
        8 * frame // spec.channels,
    )  # fmt: skip
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
    riff = source.take(12)
    if riff[:4] not in (b"RIFF", b"RF64") or riff[8:] != b"WAVE":
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
    # A header written before the length was known says 0, or any length that is beyond the end.
    return found, source.rest(size or None)


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

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; raises ImplausibleAudio when there are fewer."""
        while len(self._held) < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise ImplausibleAudio("The wav audio ends within its header.")
            self._held += chunk
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def rest(self, limit: int | None) -> Iterator[bytes]:
        """Yield what follows, at most `limit` bytes."""
        following = itertools.chain([bytes(self._held)], self._chunks)
        if limit is None:
            yield from following
            return
        # Read on behind the samples, or the vendor's connection could not be used again.
        for chunk in following:
            yield chunk[:limit]
            limit -= min(limit, len(chunk))
