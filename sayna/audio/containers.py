"""RIFF/WAVE, read and written, and the kinds of audio by their magic numbers."""

import codecs
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
    (6, 8): "alaw",
    (7, 8): "mulaw",
}
_PLAUSIBLE_RATES = range(4000, 192001)

# (kind, offset, magic number). The kinds that are names of the contract can be decoded.
_MAGIC = (
    ("wav", 8, b"WAVE"),
    ("opus", 28, b"OpusHead"),
    ("flac", 0, b"fLaC"),
    ("ogg", 0, b"OggS"),
    ("webm", 0, b"\x1aE\xdf\xa3"),
    ("mp4", 4, b"ftyp"),
    ("aiff", 0, b"FORM"),
    ("au", 0, b".snd"),
    ("caf", 0, b"caff"),
    ("gzip", 0, b"\x1f\x8b\x08"),
)
# These have a second magic number at their beginning; RF64 is a RIFF that may be longer than 4 GiB.
_BEGINNINGS = {"wav": (b"RIFF", b"RF64"), "opus": (b"OggS",)}
DECODABLE = ("wav", "mp3", "opus", "flac")
HEAD_BYTES = 64
# The largest frame of MPEG-1 layer III, and the header of the next frame.
_MPEG_BYTES = 1441 + 4
_MAX_TAG_BYTES = 65536
_TAG_BYTES = 10
_TEXT_BYTES = 512
# By the version bits of an MPEG frame: rates in Hz, bit rates in kbit/s, and an eighth of the samples of a frame.
_LOW_KBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG = {
    3: ((44100, 48000, 32000), (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320), 144),
    2: ((22050, 24000, 16000), _LOW_KBITS, 72),
    0: ((11025, 12000, 8000), _LOW_KBITS, 72),
}
_MARKUP_OR_JSON = re.compile(r'\s*(<[a-z!?/]|\{\s*["}]|\[\s*[{"])', re.IGNORECASE)
_WORD = re.compile(r"[a-z]{2}", re.IGNORECASE)


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


def head_of(chunks: Iterator[bytes]) -> bytes:
    """Return the first bytes of a stream, as many as kind() needs, or all of a shorter stream."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _enough(head):
            break
    return head


def kind(head: bytes) -> str:
    """Return a name of DECODABLE, the name of something else such as text, or "" for bytes without a sign.

    Samples may begin like an MPEG frame, so only a tag or a second frame is a sign of mp3.
    """
    for name, offset, magic in _MAGIC:
        if head.startswith(magic, offset) and head.startswith(_BEGINNINGS.get(name, b"")):
            return name
    if _after_tag(head) or _has_two_frames(head):
        return "mp3"
    return "text" if _is_text(head) else ""


def is_mpeg_frame(head: bytes) -> bool:
    """Return whether eleven sync bits and the bits of layer III come first; AAC in ADTS has layer 0."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # noqa: PLR2004


def sample_rate(head: bytes) -> int | None:
    """Return the rate in Hz that the header of a wav, an mp3 or a flac says, None when it is not in `head`."""
    if head.startswith(_BEGINNINGS["wav"]) and head[12:16] == b"fmt ":
        return int.from_bytes(head[24:28], "little")
    if head.startswith(b"fLaC") and len(head) >= HEAD_BYTES:
        return int.from_bytes(head[18:21], "big") >> 4
    frame = _mpeg_frame(head[_after_tag(head) :])
    return frame[0] if frame else None


def _enough(head: bytes) -> int:
    if end := _after_tag(head):
        return min(end + 4, _MAX_TAG_BYTES)
    return _MPEG_BYTES if is_mpeg_frame(head) else HEAD_BYTES


def _after_tag(head: bytes) -> int:
    """Return the size of an ID3 tag in bytes, 0 without one (https://id3.org/id3v2.4.0-structure)."""
    if not head.startswith(b"ID3") or len(head) < _TAG_BYTES or max(head[6:10]) > 0x7F:  # noqa: PLR2004
        return 0
    size = 0
    for septet in head[6:10]:
        size = size << 7 | septet
    return _TAG_BYTES + size


def _mpeg_frame(head: bytes) -> tuple[int, int] | None:
    """Return the rate in Hz and the size in bytes of a frame of layer III; the size is 0 for a free bit rate."""
    if len(head) < 4 or not is_mpeg_frame(head):  # noqa: PLR2004
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _MPEG or bits == 15 or rate == 3:  # noqa: PLR2004
        return None
    rates, kbits, factor = _MPEG[version]
    size = factor * 1000 * kbits[bits] // rates[rate] + (head[2] >> 1 & 1)
    return rates[rate], size if kbits[bits] else 0


def _has_two_frames(head: bytes) -> bool:
    first = _mpeg_frame(head)
    second = _mpeg_frame(head[first[1] :]) if first and first[1] else None
    return bool(first and second and first[0] == second[0])


def _is_text(head: bytes) -> bool:
    """Return whether all is printable UTF-8 that begins like a page or JSON, or is a sentence; sound never is."""
    try:
        # Incremental, because the head may end within a character.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head[:_TEXT_BYTES])
    except UnicodeDecodeError:
        return False
    printable = all(character.isprintable() or character in "\t\r\n" for character in text)
    sentence = " " in text.strip() and _WORD.search(text)
    return printable and bool(_MARKUP_OR_JSON.match(text) or sentence)
