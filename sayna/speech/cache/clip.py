"""A clip: its audio and its metadata, and the one blob that stores both on disk.

A blob is magic and version (4 bytes), length of the info (4), length of the audio (8), SHA-256 (32), the info
as JSON, the audio. The digest covers the key too, so a blob is invalid under another key.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from sayna.audio.spec import AudioSpec

SCHEMA_VERSION = 2

# The last byte is the version of the blob; SCHEMA_VERSION is the version of the cache key.
_MAGIC = b"SAY\x01"
_HEAD = struct.Struct(">4sIQ32s")


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """The metadata of a clip: `duration_ms` in milliseconds, `created` in epoch seconds, `sample_rate` in Hz.

    openapi/schemas.yaml describes the fields that clients see; Plan.describe fills them in.
    """

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
    # `text_digest` of the text of the request that was synthesized; clips of earlier versions have none.
    text_digest: str = ""

    @property
    def spec(self) -> AudioSpec:
        """What the audio is."""
        return AudioSpec(self.audio_format, self.sample_rate, self.channels)


@dataclass(frozen=True, slots=True)
class Clip:
    """The complete audio of one text."""

    info: ClipInfo
    audio: bytes = field(repr=False)
    _base64: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def base64(self) -> bytes:
        """The audio in base64, encoded once and kept."""
        if not self._base64:
            object.__setattr__(self, "_base64", base64.b64encode(self.audio))
        return self._base64

    @property
    def footprint(self) -> int:
        """The bytes of memory for the audio and its base64."""
        return len(self.audio) + 4 * -(-len(self.audio) // 3)


# With a plain separator, ("a|b", "c") and ("a", "b|c") would be one key. json.dumps() would make an encoder each time.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_compact = json.JSONEncoder(separators=(",", ":")).encode


def cache_key(fields: Mapping[str, object]) -> str:
    """Return the SHA-256, in hex, of the schema version and of every input that changes the sound."""
    text = _canonical([SCHEMA_VERSION, dict(fields)])
    # surrogatepass: a lone surrogate must not raise an error here.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def form_key(sound: str, form: str) -> str:
    """Return the key of a form of a sound; the master has the key of the sound itself."""
    return f"{sound}.{form}"


def is_form(key: str) -> bool:
    """Return whether a key is that of a form."""
    return "." in key


def sound_of(key: str) -> str:
    """Return the key of the sound of a master or a form."""
    return key.partition(".")[0]


def encode(key: str, clip: Clip) -> bytes:
    """Return the blob that stores the clip under this key."""
    # Not asdict(): its deep copy costs more than the encoding.
    fields = {name: getattr(clip.info, name) for name in ClipInfo.__slots__}
    info = _compact(fields).encode()
    digest = _digest(key, info, clip.audio)
    return b"".join((_HEAD.pack(_MAGIC, len(info), len(clip.audio), digest), info, clip.audio))


def decode(key: str, blob: bytes) -> Clip | None:
    """Return the clip, or None when any bit of the blob differs from the one stored under this key."""
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


def created_of(blob: bytes) -> float | None:
    """Return when the take of a blob was created, in epoch seconds, without a look at its audio; None if it is none."""
    try:
        length = _HEAD.unpack_from(blob)[1]
        return float(json.loads(blob[_HEAD.size : _HEAD.size + length])["created"])
    except (struct.error, KeyError, TypeError, ValueError):
        return None


def fingerprint(blob: bytes) -> bytes:
    """Return the head of a blob, which holds its digest: only equal blobs have equal fingerprints."""
    return blob[: _HEAD.size]


def _digest(key: str, info: bytes, audio: bytes) -> bytes:
    # Lengths first: otherwise two splits of the same bytes would have one digest.
    digest = hashlib.sha256(b"%d:%d:" % (len(key), len(info)))
    for part in (key.encode(), info, audio):
        digest.update(part)
    return digest.digest()
