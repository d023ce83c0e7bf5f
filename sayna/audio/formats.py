"""The audio formats of the HTTP contract: names, aliases, sample rates in Hz and content types."""

from sayna.audio.spec import AudioSpec
from sayna.errors import UnsupportedFormat

# No AAC: libsndfile has none, and PyAV, which does, is 104 MB with GPL parts.
FORMATS = ("linear16", "wav", "mp3", "opus", "flac", "mulaw", "alaw", "wav-mulaw", "wav-alaw")
ALIASES = {
    "pcm": "linear16",
    "s16le": "linear16",
    "pcm_s16le": "linear16",
    "sln": "linear16",
    "ogg": "opus",
    "ulaw": "mulaw",
    "g711_ulaw": "mulaw",
    "g711_alaw": "alaw",
}
# The formats with a RIFF header, by the samples that follow it.
RIFF = {"wav": "linear16", "wav-mulaw": "mulaw", "wav-alaw": "alaw"}
SAMPLE_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)

# libsndfile also encodes Opus at 12 kHz, but the contract does not offer 12 kHz.
_OPUS_RATES = (8000, 16000, 24000, 48000)
_DEFAULT_RATE = 24000
_TELEPHONE_RATE = 8000
_TELEPHONE_FORMATS = ("mulaw", "alaw", "wav-mulaw", "wav-alaw")
# audio/pcm and not audio/L16, which is big-endian (RFC 2586).
_CONTENT_TYPES = {
    "linear16": "audio/pcm",
    **dict.fromkeys(RIFF, "audio/wav"),
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "mulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
}


def canonical(name: str) -> str:
    """Return the contract's name of a format or alias in any case; raises UnsupportedFormat."""
    lowered = name.lower()
    found = ALIASES.get(lowered, lowered)
    if found not in FORMATS:
        known = ", ".join((*FORMATS, *ALIASES))
        raise UnsupportedFormat(f"audio_format must be one of {known}.")
    return found


def resolve(audio_format: str, sample_rate: int | None) -> AudioSpec:
    """Return the format and rate that are delivered for a request; raises UnsupportedFormat.

    An omitted rate is 24000 Hz, for G.711 8000 Hz. Opus exists at four of the rates only (RFC 7845,
    section 5.1, and libsndfile), so the others become the next higher of these.
    """
    name = canonical(audio_format)
    if sample_rate is None:
        sample_rate = _TELEPHONE_RATE if name in _TELEPHONE_FORMATS else _DEFAULT_RATE
    if sample_rate not in SAMPLE_RATES:
        known = ", ".join(map(str, SAMPLE_RATES))
        raise UnsupportedFormat(f"sample_rate must be one of {known}.")
    if name == "opus":
        sample_rate = min(rate for rate in _OPUS_RATES if rate >= sample_rate)
    return AudioSpec(name, sample_rate)


def content_type(spec: AudioSpec) -> str:
    """Return the media type of the bytes; raw G.711 at another rate than 8 kHz names its rate (contract 3)."""
    name = _CONTENT_TYPES[spec.audio_format]
    if spec.audio_format in ("mulaw", "alaw") and spec.sample_rate != _TELEPHONE_RATE:
        return f"{name};rate={spec.sample_rate}"
    return name


def streams(spec: AudioSpec) -> bool:
    """Return whether the format can be sent while it is made; RIFF and flac carry their length in front."""
    return spec.audio_format not in RIFF and spec.audio_format != "flac"
