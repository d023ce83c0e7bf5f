"""The endings of clip URLs: audio format, sample rate in Hz and media type, as telephone systems expect them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ending:
    """The audio behind one ending; where `has_any_rate`, the sample rate is only the default."""

    audio_format: str
    sample_rate: int
    content_type: str
    has_any_rate: bool = False

    def fits(self, sample_rate: int | None) -> bool:
        """Return whether audio of this rate may have the ending; None is the rate of the ending."""
        return sample_rate is None or self.has_any_rate or sample_rate == self.sample_rate


# Raw samples have no media type of their own that these systems know, so they choose by the ending.
_RAW = "audio/pcm"
ENDINGS: Mapping[str, Ending] = {
    # Asterisk takes audio/wav for 8 kHz, whatever the header of the file says (res_http_media_cache).
    "wav": Ending("wav", 8000, "audio/wav", has_any_rate=True),
    # Asterisk compares this type letter by letter, so it has no spaces.
    "wav16": Ending("wav", 16000, "audio/x-wav;codec=pcm;bit=16;rate=16000"),
    "ulaw": Ending("mulaw", 8000, "audio/basic"),
    "alaw": Ending("alaw", 8000, "audio/x-alaw-basic"),
    # G.711 in a RIFF header; a URL has only one dot.
    "wavu": Ending("wav-mulaw", 8000, "audio/wav"),
    "wava": Ending("wav-alaw", 8000, "audio/wav"),
    "sln": Ending("linear16", 8000, _RAW),
    "sln16": Ending("linear16", 16000, _RAW),
    "sln24": Ending("linear16", 24000, _RAW),
    "sln48": Ending("linear16", 48000, _RAW),
    "r8": Ending("linear16", 8000, _RAW),
    "r16": Ending("linear16", 16000, _RAW),
    "mp3": Ending("mp3", 24000, "audio/mpeg", has_any_rate=True),
    "ogg": Ending("opus", 24000, "audio/ogg", has_any_rate=True),
    "flac": Ending("flac", 24000, "audio/flac", has_any_rate=True),
}
