"""The kinds of audio by their magic numbers."""

import codecs
import re
from collections.abc import Iterator

from sayna.audio import mpeg

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
_TEXT_BYTES = 512
_MARKUP_OR_JSON = re.compile(r'\s*(<[a-z!?/]|\{\s*["}]|\[\s*[{"])', re.IGNORECASE)
_WORD = re.compile(r"[a-z]{2}", re.IGNORECASE)


def head_of(chunks: Iterator[bytes], count: int = 0) -> bytes:
    """Return the first bytes of a stream, `count` or as many as kind() needs, or all of a shorter stream."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= (count or _enough(head)):
            break
    return head


def kind(head: bytes) -> str:
    """Return a name of DECODABLE, the name of something else such as text, or "" for bytes without a sign.

    Samples may begin like an MPEG frame, so only a tag or a second frame is a sign of mp3.
    """
    for name, offset, magic in _MAGIC:
        if head.startswith(magic, offset) and head.startswith(_BEGINNINGS.get(name, b"")):
            return name
    if mpeg.after_tag(head) or mpeg.has_two_frames(head):
        return "mp3"
    return "text" if _is_text(head) else ""


def sample_rate(head: bytes) -> int | None:
    """Return the rate in Hz that the header of a wav, an mp3 or a flac says, None when it is not in `head`."""
    if head.startswith(_BEGINNINGS["wav"]) and head[12:16] == b"fmt ":
        return int.from_bytes(head[24:28], "little")
    if head.startswith(b"fLaC") and len(head) >= HEAD_BYTES:
        return int.from_bytes(head[18:21], "big") >> 4
    frame = mpeg.frame_of(head[mpeg.after_tag(head) :])
    return frame[0] if frame else None


def _enough(head: bytes) -> int:
    if end := mpeg.after_tag(head):
        return min(end + mpeg.TWO_FRAMES_BYTES, mpeg.MAX_TAG_BYTES)
    return mpeg.TWO_FRAMES_BYTES if mpeg.is_frame(head) else HEAD_BYTES


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
