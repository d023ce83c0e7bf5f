"""Audio formats: their names, checks of a provider's bytes, and conversion from one format to another.

Importing this package loads none of numpy, soundfile and soxr. The first conversion loads them.
"""

from sayna.audio.convert import NO_SILENCE, convert, duration_ms, is_light, master_of
from sayna.audio.formats import ALIASES, FORMATS, SAMPLE_RATES, canonical, content_type, resolve, streams
from sayna.audio.plausible import ImplausibleAudio, checked
from sayna.audio.wav import wav_header

__all__ = [
    "ALIASES",
    "FORMATS",
    "NO_SILENCE",
    "SAMPLE_RATES",
    "ImplausibleAudio",
    "canonical",
    "checked",
    "content_type",
    "convert",
    "duration_ms",
    "is_light",
    "master_of",
    "resolve",
    "streams",
    "wav_header",
]
