"""The Accept header of POST /speak (contract 3): envelope or bytes, and the format of a request that names none."""

import functools
from collections.abc import Mapping

from werkzeug.http import parse_accept_header

from sayna import audio

ENVELOPE = "application/json"
ANY_AUDIO = "audio/*"
# The names under which clients ask for a format. audio/L16 is missing: it is big-endian (RFC 2586).
FORMATS_OF_TYPES = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/ogg": "opus",
    "audio/opus": "opus",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/pcm": "linear16",
    "audio/basic": "mulaw",
    "audio/pcmu": "mulaw",
    "audio/x-alaw-basic": "alaw",
    "audio/pcma": "alaw",
}
# The formats that an Accept header can name; G.711 in a RIFF header has the type of every wav.
NAMED_FORMATS = tuple(name for name in audio.FORMATS if name in FORMATS_OF_TYPES.values())


@functools.lru_cache(maxsize=256)
def accepted(header: str) -> tuple[bool | None, tuple[str, str]]:
    """Return whether the envelope is wanted (None: the request's form decides), and the formats of flat and nested."""
    weights = _weights(header)
    return _is_envelope(weights), (_format(weights, "wav"), _format(weights, "linear16"))


def prefers_html(header: str) -> bool:
    """Return whether the header names text/html, with more weight than JSON."""
    weights = _weights(header)
    return weights.get("text/html", 0.0) > (_weight(weights, ENVELOPE) or 0.0)


def _weights(header: str) -> dict[str, float]:
    """Return the greatest weight of each type by its name."""
    weights: dict[str, float] = {}
    for value, weight in parse_accept_header(header):
        name = value.partition(";")[0].strip().lower()
        weights[name] = max(weight, weights.get(name, 0.0))
    return weights


def _is_envelope(weights: Mapping[str, float]) -> bool | None:
    envelope = weights.get(ENVELOPE, 0.0)
    in_bytes = max(weights.get(name, 0.0) for name in (ANY_AUDIO, "application/octet-stream", *FORMATS_OF_TYPES))
    if envelope or in_bytes:
        return envelope >= in_bytes
    # A client that names only audio types that are not made here still wants audio.
    if any(weight for name, weight in weights.items() if name.startswith("audio/")):
        return False
    no_envelope = _weight(weights, ENVELOPE) == 0
    no_bytes = all(_is_excluded(weights, name) for name in NAMED_FORMATS)
    return None if no_envelope == no_bytes else no_bytes


def _format(weights: Mapping[str, float], default: str) -> str:
    """Return the format of the audio type with the greatest weight; of two alike, the first one."""
    named = [name for name in weights if weights[name] and (name == ANY_AUDIO or name in FORMATS_OF_TYPES)]
    # A wildcard comes after the types that are named with the same weight.
    best = min(named, key=lambda name: (-weights[name], name == ANY_AUDIO), default=ANY_AUDIO)
    if best != ANY_AUDIO:
        return FORMATS_OF_TYPES[best]
    return next((name for name in (default, *NAMED_FORMATS) if not _is_excluded(weights, name)), default)


def _is_excluded(weights: Mapping[str, float], audio_format: str) -> bool:
    """Return whether q=0 excludes a format, by one of its names or else by a wildcard."""
    named = [weights[name] for name, made in FORMATS_OF_TYPES.items() if made == audio_format and name in weights]
    return (max(named) if named else _weight(weights, ANY_AUDIO)) == 0


def _weight(weights: Mapping[str, float], name: str) -> float | None:
    """Return the weight of a type by its most specific range, None when no range matches."""
    ranges = (name, f"{name.partition('/')[0]}/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), None)
