"""Whether the bytes that a vendor sends can be the audio they are said to be."""

from collections.abc import Iterator

from sayna.audio import containers, mpeg, ogg
from sayna.audio.formats import RIFF
from sayna.audio.spec import AudioSpec

_SAMPLE_BYTES = {"linear16": 2, "wav": 2}
# Bytes by which these can be told; raw audio has no magic number and needs more.
_HEAD_BYTES = {**dict.fromkeys(RIFF, 12), "mp3": 10, "opus": 40, "flac": 4}
# One MP3 frame lasts 24 ms or more, so a frame is enough; a FLAC file without frames has
# 42 bytes; the last page of Opus says how long it is.
_SMALLEST = {"mp3": 96, "flac": 56, "opus": 0}
_WAV_HEADER_BYTES = 44
_LARGEST_OGG_PAGE = 65307
_OPUS_TEN_MS = 480


class ImplausibleAudio(ValueError):
    """The bytes are not the audio they were said to be, or not all of it."""


def checked(chunks: Iterator[bytes], spec: AudioSpec) -> Iterator[bytes]:
    """Pass a stream on; raises ImplausibleAudio when it is something else, cut off or shorter than 10 ms.

    A wrong head raises before the first byte is passed on. Only the head is ever held back.
    """
    name = spec.audio_format
    head = containers.head_of(chunks, _HEAD_BYTES.get(name, 0))
    _check_head(head, name)
    yield head
    size, tail = len(head), head
    # The vendor's last page can only be known when the stream has ended: keep as much as one page may have.
    for chunk in chunks:
        size += len(chunk)
        if name == "opus":
            tail = (tail + chunk)[-_LARGEST_OGG_PAGE:]
        yield chunk
    if name == "opus":
        page = tail[max(0, tail.rfind(b"OggS")) :]
        if not ogg.is_last(page):
            raise ImplausibleAudio("The opus audio ends before its last page.")
        end = ogg.granule_position(page)
        if end is not None and end - int.from_bytes(head[38:40], "little") < _OPUS_TEN_MS:
            raise ImplausibleAudio("The opus audio is shorter than 10 ms.")
    _check_size(size, spec)


def _check_head(head: bytes, name: str) -> None:
    if not head:
        raise ImplausibleAudio("The audio is empty.")
    expected = "wav" if name in RIFF else name if name in _HEAD_BYTES else ""
    if containers.kind(head) != expected and not (name == "mp3" and mpeg.is_frame(head)):
        raise ImplausibleAudio(f"The bytes do not begin like {name} audio.")


def _check_size(size: int, spec: AudioSpec) -> None:
    name = spec.audio_format
    frame = _SAMPLE_BYTES.get(name, 1) * spec.channels
    if name == "linear16" and size % frame:
        raise ImplausibleAudio("The linear16 audio ends within a sample.")
    header = _WAV_HEADER_BYTES if name in RIFF else 0
    if size < header + _SMALLEST.get(name, spec.sample_rate * frame // 100):
        raise ImplausibleAudio(f"The {name} audio is shorter than 10 ms.")
