"""A rendered clip: what it is, its bytes, and the one blob that keeps both on disk.

A blob is magic and version (4 bytes), length of the info (4), length of the audio (8), SHA-256 (32), the info
as JSON, the audio. The digest covers the key too, so a blob is worth nothing under another key.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA_VERSION = 1

# The last byte is the version of this form; SCHEMA_VERSION is that of what the audio depends on.
_MAGIC = b"SAY\x01"
_HEAD = struct.Struct(">4sIQ32s")


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is, as it was really rendered; `created` is in epoch seconds."""

    provider: str
    voice_id: str
    model: str
    language: str
    audio_format: str
    sample_rate: int
    channels: int
    duration_ms: int
    characters: int
    speaking_rate: float
    created: float


@dataclass(frozen=True, slots=True)
class Clip:
    """One whole recording of one text."""

    info: ClipInfo
    audio: bytes = field(repr=False)
    _base64: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def base64(self) -> bytes:
        """The audio in base64, encoded once however often it is asked for."""
        if not self._base64:
            object.__setattr__(self, "_base64", base64.b64encode(self.audio))
        return self._base64

    @property
    def footprint(self) -> int:
        """The bytes of memory that the audio takes together with its base64."""
        return len(self.audio) + 4 * -(-len(self.audio) // 3)


def cache_key(fields: Mapping[str, object]) -> str:
    """Return the SHA-256, in hex, of everything that changes the sound and of the schema version."""
    # Canonical JSON: joined by a separator, as in the reference, ("a|b", "c") and ("a", "b|c") are one key.
    text = json.dumps(
        [SCHEMA_VERSION, dict(fields)],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    # A lone surrogate is no text, but it must not be an error here either.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def encode(key: str, clip: Clip) -> bytes:
    """Return the blob that keeps the clip under this key."""
    # asdict() would copy every value deeply, which costs more than the encoding.
    fields = {name: getattr(clip.info, name) for name in ClipInfo.__slots__}
    info = json.dumps(fields, separators=(",", ":")).encode()
    digest = _digest(key, info, clip.audio)
    return b"".join((_HEAD.pack(_MAGIC, len(info), len(clip.audio), digest), info, clip.audio))


def decode(key: str, blob: bytes) -> Clip | None:
    """Return the clip, or nothing when one bit of the blob is not what was stored under this key."""
    if len(blob) < _HEAD.size:
        return None
    magic, info_length, audio_length, digest = _HEAD.unpack_from(blob)
    if magic != _MAGIC or len(blob) != _HEAD.size + info_length + audio_length:
        return None
    info = blob[_HEAD.size : _HEAD.size + info_length]
    audio = blob[_HEAD.size + info_length :]
    if _digest(key, info, audio) != digest:
        return None
    try:
        return Clip(ClipInfo(**json.loads(info)), audio)
    except (TypeError, ValueError):
        return None


def seal(blob: bytes) -> bytes:
    """Return the part of a blob that two blobs share only when all of them is the same."""
    return blob[: _HEAD.size]


def _digest(key: str, info: bytes, audio: bytes) -> bytes:
    # Lengths first, so that no two splits of the same bytes have one digest.
    digest = hashlib.sha256(b"%d:%d:" % (len(key), len(info)))
    for part in (key.encode(), info, audio):
        digest.update(part)
    return digest.digest()
