"""Audio formats: what they are called, what plausible bytes look like, how one becomes another.

Importing this package loads neither numpy nor soundfile nor soxr; the first conversion that needs them does.
"""

from sayna.audio.convert import convert, duration_ms
from sayna.audio.formats import ALIASES, FORMATS, SAMPLE_RATES, canonical, content_type, resolve, streams
from sayna.audio.plausible import ImplausibleAudio, checked
from sayna.audio.wav import wav_header

__all__ = [
    "ALIASES",
    "FORMATS",
    "SAMPLE_RATES",
    "ImplausibleAudio",
    "canonical",
    "checked",
    "content_type",
    "convert",
    "duration_ms",
    "resolve",
    "streams",
    "wav_header",
]
