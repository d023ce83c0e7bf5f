"""One speech as a client asks for it, and in full: with the defaults, the limits and the keys of the cache."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayna import audio
from sayna.audio.spec import AudioSpec
from sayna.http import Deadline
from sayna.providers.base import SpeechRequest, SynthesisParams, TTSProvider
from sayna.speech.cache import Clip, ClipInfo
from sayna.speech.spoken import PronunciationTable

# Limits on a caller's own timeouts, because a thread waits that long.
MAX_CONNECT_SECONDS = 30.0
MAX_REQUEST_SECONDS = 60.0
_PARAMS = tuple(each.name for each in dataclasses.fields(SynthesisParams))


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """A speech request as the client sent it; None and "" mean that the client left the field out.

    `prefers_envelope` is the answer form of a client whose Accept names none: JSON for flat, bytes for nested.
    """

    text: str | None
    voice: str | None = None
    provider: str | None = None
    voice_id: str | None = None
    model: str | None = None
    speaking_rate: float | None = None
    audio_format: str | None = None
    sample_rate: int | None = None
    silence_before_ms: int | None = None
    silence_after_ms: int | None = None
    # Only the operator's file of voices has a gain, in dB.
    gain_db: float = 0.0
    language: str | None = None
    # "ssml" for a document; "unwrapped" for one whose unknown elements are left out.
    markup: str | None = None
    voice_settings: Mapping[str, Any] = field(default_factory=dict)
    # The tenant whose lexicon counts beside the shared one; None for no tenant.
    tenant: str | None = None
    pronunciations: Sequence[tuple[str, str]] = ()
    connection_timeout: float | None = None
    request_timeout: float | None = None
    auth: Mapping[str, Any] | None = None
    prefers_envelope: bool = True
    ignored_fields: str = ""


@dataclass(frozen=True, slots=True)
class Plan(SynthesisParams):
    """One synthesis in full, except for its deadline.

    `own_voice` is the name of the operator's own voice that it is for, and `fallbacks` are the plans of the targets
    that speak in turn when this one fails. `silent` is the provider that was asked for but does not read this text.
    """

    provider: TTSProvider
    request_seconds: float
    characters: int
    # Places in the text, and the milliseconds of silence there.
    pauses: tuple[tuple[int, int], ...]
    # Version of the voice, where it may change under its id; otherwise None.
    version: str | None
    # The key of the sound, which is that of its master, and the key of the sound in the format of this plan.
    sound: str
    key: str
    silence_ms: tuple[int, int]
    gain_db: float
    prefers_envelope: bool
    ignored_fields: str
    # Finds every clip of a text that a person wants to be forgotten.
    text_digest: str
    own_voice: str = ""
    # The voices of the operator at that time: another file of VOICES_PATH is another object.
    voices: object = None
    words_version: int = 0
    # The pronunciations, where nothing else of this plan but its keys depends on the text.
    words: PronunciationTable | None = None
    fallbacks: "tuple[Plan, ...]" = ()
    silent: tuple[str, ...] = ()

    @property
    def stream_key(self) -> str:
        """The key of requests that share a synthesis: the same sound and the same connection timeout."""
        return f"{self.sound}-{self.connect_seconds * 1000:.0f}"

    @property
    def form(self) -> str:
        """The name of the format of this plan among the forms of its sound; another gain costs no new synthesis."""
        return form_name(self.target.audio_format, self.target.sample_rate, self.silence_ms, gain_db=self.gain_db)

    def provider_request(self) -> SpeechRequest:
        """Return the request to the provider; its deadline starts now.

        The deadline is the server's and not the caller's, because other callers may share the synthesis.
        """
        params: dict[str, Any] = {name: getattr(self, name) for name in _PARAMS}
        return SpeechRequest(**params, deadline=Deadline.after(MAX_REQUEST_SECONDS))

    def describe(self, *, duration_ms: int = 0, created: float = 0.0, spec: AudioSpec | None = None) -> ClipInfo:
        """Return the metadata of the audio of this plan, or of its sound in another format.

        Duration and time of creation are 0 while they are unknown.
        """
        spec = spec or self.target
        return ClipInfo(
            provider=self.provider.slug,
            voice_id=self.voice_id,
            model=self.model,
            language=self.language,
            audio_format=spec.audio_format,
            sample_rate=spec.sample_rate,
            channels=spec.channels,
            duration_ms=duration_ms,
            characters=self.characters,
            speaking_rate=self.speaking_rate,
            created=created,
            text_digest=self.text_digest,
        )

    def master(self, whole: bytes, spec: AudioSpec, created: float) -> Clip:
        """Return the master: the complete audio of the take that was created then, in epoch seconds."""
        return Clip(self.describe(duration_ms=audio.duration_ms(whole, spec), created=created, spec=spec), whole)

    def clip(self, whole: bytes, master: ClipInfo) -> Clip:
        """Return the clip of this plan that was made of a master; both last as long, but for the silence."""
        duration_ms = master.duration_ms + sum(self.silence_ms)
        return Clip(self.describe(duration_ms=duration_ms, created=master.created), whole)


_FIELDS = tuple(each.name for each in dataclasses.fields(Plan))


def changed(plan: Plan, **changes: object) -> Plan:
    """Return what dataclasses.replace() returns, in a fifth of its time: it took 2 % of a short miss (measured)."""
    made = object.__new__(Plan)
    for name in _FIELDS:
        object.__setattr__(made, name, changes[name] if name in changes else getattr(plan, name))
    return made


def form_name(audio_format: str, sample_rate: int, silence_ms: tuple[int, int] = (0, 0), *, gain_db: float) -> str:
    """Return the name of a form of any sound: its format, its rate in Hz, its silences, and its gain if it has one."""
    before, after = silence_ms
    return f"{audio_format}-{sample_rate}-{before}-{after}" + (f"-{gain_db:g}dB" if gain_db else "")
