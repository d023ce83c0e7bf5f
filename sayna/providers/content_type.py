"""Whether a vendor's response can be the requested audio, by its Content-Type and its length."""

import re

from sayna.audio.spec import AudioSpec

# Far less than a letter takes in speech: only a truncated body is shorter.
_MIN_MS_PER_CHARACTER = 10
_SAMPLE_BYTES = {"linear16": 2, "mulaw": 1, "alaw": 1}
_G711 = ("mulaw", "alaw")
# Vendors name raw audio loosely, so these lists are wide: they must only reject another kind of audio.
_FORMATS: dict[str, tuple[str, ...]] = {
    "audio/mpeg": ("mp3",),
    "audio/mp3": ("mp3",),
    "audio/ogg": ("opus",),
    "audio/opus": ("opus",),
    "audio/webm": (),
    "audio/aac": (),
    "audio/mp4": (),
    "audio/flac": ("flac",),
    "audio/x-flac": ("flac",),
    "audio/wav": ("wav",),
    "audio/wave": ("wav",),
    "audio/x-wav": ("wav",),
    "audio/pcm": ("linear16",),
    "audio/l16": ("linear16",),
    "audio/basic": _G711,
    "audio/mulaw": ("mulaw",),
    "audio/pcmu": ("mulaw",),
    "audio/alaw": ("alaw",),
    "audio/pcma": ("alaw",),
}
_UNNAMED = ("", "application/octet-stream", "binary/octet-stream")


def can_be(content_type: str, spec: AudioSpec) -> bool:
    """Return whether a Content-Type allows the body to be `spec`; its rate counts where it names one."""
    name, _, parameters = content_type.lower().partition(";")
    name = name.strip()
    rate = re.search(r"\brate=(\d+)", parameters)
    # Audio at another rate is valid audio, so no later check would reject it.
    if rate and int(rate[1]) != spec.sample_rate:
        return False
    if name in _FORMATS:
        return spec.audio_format in _FORMATS[name]
    return name.startswith("audio/") or name in _UNNAMED


def long_enough(size: int, spec: AudioSpec, text: str, speaking_rate: float) -> bool:
    """Return whether raw audio of `size` bytes lasts as long as its text needs; a truncated body is shorter."""
    if spec.audio_format not in _SAMPLE_BYTES:
        return True
    seconds = size / _SAMPLE_BYTES[spec.audio_format] / spec.sample_rate
    spoken = sum(character.isalnum() for character in text)
    return seconds * 1000 * speaking_rate >= _MIN_MS_PER_CHARACTER * spoken
