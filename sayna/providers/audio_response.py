"""What audio a vendor's response is: its bytes decide, and its Content-Type may only contradict them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sayna.audio import containers, mpeg
from sayna.audio.spec import AudioSpec
from sayna.errors import ProviderError
from sayna.providers.base import SpeechRequest

# Much less time than a character takes in speech: only a truncated body is shorter.
_MIN_MS_PER_CHARACTER = 10
_SAMPLE_BYTES = {"linear16": 2, "mulaw": 1, "alaw": 1}
# Labels of containers. Labels of raw audio are loose (Azure calls every raw format audio/basic), so they name nothing.
_CONTAINERS = {
    **dict.fromkeys(("audio/mpeg", "audio/mp3", "audio/x-mpeg", "audio/mpeg3", "audio/x-mp3", "audio/mpa"), "mp3"),
    **dict.fromkeys(("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave", "audio/x-pn-wav"), "wav"),
    **dict.fromkeys(("audio/ogg", "audio/opus", "audio/vorbis", "application/ogg"), "opus"),
    **dict.fromkeys(("audio/flac", "audio/x-flac"), "flac"),
    **dict.fromkeys(("audio/aac", "audio/aacp", "audio/x-aac"), "aac"),
    **dict.fromkeys(("audio/mp4", "audio/m4a", "audio/x-m4a", "application/mp4"), "mp4"),
    **dict.fromkeys(("audio/webm", "audio/x-matroska"), "webm"),
    **dict.fromkeys(("audio/aiff", "audio/x-aiff"), "aiff"),
    "audio/amr": "amr",
}
CONTAINER_LABELS = frozenset(name for name, container in _CONTAINERS.items() if container in containers.DECODABLE)
# A server whose rate is open may send samples for a wav; these labels say which samples.
_RAW = {
    **dict.fromkeys(("audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw", "audio/x-raw", "audio/lpcm"), "linear16"),
    **dict.fromkeys(("audio/mulaw", "audio/ulaw", "audio/pcmu", "audio/x-mulaw"), "mulaw"),
    **dict.fromkeys(("audio/alaw", "audio/pcma", "audio/x-alaw"), "alaw"),
}
_NO_AUDIO = re.compile(r"(text|image|video|font|message|multipart|model)/|.*(json|xml|html|javascript)")
_PARAMETER = r"(?:^|[;\s]){}\s*=\s*\"?(\d+)"
# The largest clip of the cache: 23 minutes of linear16 at 24 kHz, many times the audio that a vendor makes at once.
# A header that says more has a placeholder for the length.
MAX_AUDIO_BYTES = 64 * 2**20
_WAV_SIZE = re.compile(rb"data(.{4})", re.DOTALL)
# The largest page of Ogg, and where and how its header says that it is the last (RFC 3533, section 6).
_TAIL_BYTES = 65307
_FLAGS = slice(5, 6)
_END_OF_STREAM = 0x04
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Label:
    """A Content-Type: its name in small letters, and the rate in Hz and the channels where it has them."""

    name: str
    sample_rate: int | None = None
    channels: int | None = None

    @classmethod
    def of(cls, content_type: str) -> "Label":
        """Return the label of a header, which may be empty."""
        name, _, parameters = content_type.lower().partition(";")
        rate = re.search(_PARAMETER.format("(?:sample[_-]?)?rate"), parameters)
        channels = re.search(_PARAMETER.format("channels"), parameters)
        return cls(name.strip(), int(rate[1][:9]) if rate else None, int(channels[1][:9]) if channels else None)

    @property
    def is_audio(self) -> bool:
        """Whether audio may follow: not after text, JSON, a picture or a video."""
        return _NO_AUDIO.match(self.name) is None


def spec_of(head: bytes, wanted: AudioSpec, label: Label, *, is_rate_open: bool = False) -> AudioSpec | None:
    """Return the format of a body by its head from containers.head_of(), None when Sayna cannot read it as audio.

    With `is_rate_open` the vendor chooses the rate, so a rate in the label informs; otherwise another rate than
    `wanted` contradicts. Audio at another rate is valid audio, so no later check would reject it.
    """
    rate = label.sample_rate or wanted.sample_rate
    if rate != wanted.sample_rate and not is_rate_open:
        return None
    named, found = _CONTAINERS.get(label.name, ""), containers.kind(head)
    if not found and "mp3" in (named, wanted.audio_format) and mpeg.is_frame(head):
        found = "mp3"
    if named and named != found:
        return None
    if found:
        return AudioSpec(found, containers.sample_rate(head) or rate) if found in containers.DECODABLE else None
    if (label.channels or 1) != wanted.channels:
        return None
    if wanted.audio_format in _SAMPLE_BYTES:
        return AudioSpec(wanted.audio_format, rate)
    raw = _RAW.get(label.name) if is_rate_open and label.sample_rate else None
    return AudioSpec(raw, rate) if raw else None


def whole_body(chunks: Iterator[bytes], spec: AudioSpec, request: SpeechRequest, vendor: str) -> Iterator[bytes]:
    """Pass on a body that ends with its connection: HTTP cannot tell it from a truncated one, so its bytes must.

    Raises ProviderError at the end of a body that is shorter than its header says, or than its text needs.
    """
    size, head, tail = 0, b"", b""
    for chunk in chunks:
        size += len(chunk)
        head += chunk[: max(0, _HEAD_BYTES - len(head))]
        tail = (tail + chunk)[-_TAIL_BYTES:]
        yield chunk
    announced = _WAV_SIZE.search(head) if spec.audio_format == "wav" else None
    if spec.audio_format == "opus":
        flags = tail[tail.rfind(b"OggS") :][_FLAGS]
        is_whole = bool(int.from_bytes(flags, "big") & _END_OF_STREAM)
    elif announced and 0 < (length := int.from_bytes(announced[1], "little")) < MAX_AUDIO_BYTES:
        is_whole = size - announced.end() >= length
    else:
        is_whole = _is_long_enough(size, "linear16" if announced else spec.audio_format, spec.sample_rate, request)
    if not is_whole:
        raise ProviderError(f"{vendor} sent less audio than the text needs")


def _is_long_enough(size: int, audio_format: str, sample_rate: int, request: SpeechRequest) -> bool:
    """Return whether so many bytes may be the whole text, also where their duration is unknown."""
    if audio_format not in _SAMPLE_BYTES:
        return True
    seconds = size / _SAMPLE_BYTES[audio_format] / sample_rate
    spoken = sum(character.isalnum() for character in request.text)
    return seconds * 1000 * request.speaking_rate >= _MIN_MS_PER_CHARACTER * spoken


def whole_frames(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass an mp3 on without a last frame that is cut, as shine leaves it (github.com/toots/shine/issues/37).

    At such a frame libsndfile fails, and with it the half second before.
    """
    held, end = b"", -1
    for chunk in chunks:
        held += chunk
        end = mpeg.after_tag(held) if end < 0 else end
        while len(header := held[end : end + 4]) == 4:  # noqa: PLR2004
            _, size = mpeg.frame_of(header) or (0, 0)
            if not size:
                # A tag, or frames of a free bit rate.
                yield held
                yield from chunks
                return
            if end + size > len(held):
                break
            end += size
        if 0 < end <= len(held):
            yield held[:end]
            held, end = held[end:], 0
