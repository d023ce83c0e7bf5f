"""From a SpeakRequest to a Plan: defaults, limits, pronunciations, the cache key, the memory of plans."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sayna import audio
from sayna.audio.spec import AudioSpec
from sayna.config import SpeechConfig
from sayna.errors import InvalidRequest, ProviderNotConfigured, UnknownProvider
from sayna.http import Deadline
from sayna.providers import ALIASES
from sayna.providers.base import SpeechRequest, SynthesisParams, TTSProvider
from sayna.speech.cache import Clip, ClipInfo, cache_key
from sayna.speech.lexicons import Lexicons
from sayna.speech.sound_key import sound_key
from sayna.speech.speak_request import SpeakRequest
from sayna.speech.spoken import Spoken, spoken
from sayna.speech.text import text_digest
from sayna.speech.voice_settings import checked
from sayna.speech.voices.languages import canonical, wanted_language
from sayna.speech.voices.languages import spoken as spoken_language

__all__ = ["Plan", "Planner", "SpeakRequest"]

# Limits on a caller's own timeouts, because a thread waits that long.
MAX_CONNECT_SECONDS = 30.0
MAX_REQUEST_SECONDS = 60.0
# The limit on all silence of a request (contract 14).
MAX_SILENCE_MS = 60_000
# Planning a body again costs more than the rest of a hit: 175 us with it, 90 us without (measured).
# This many plans of this size are at most 16 MiB a worker.
REMEMBERED_PLANS = 2048
REMEMBERED_BYTES = 8192
_PARAMS = tuple(each.name for each in dataclasses.fields(SynthesisParams))


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
    prefers_envelope: bool
    ignored_fields: str
    # Finds every clip of a text that a person wants to be forgotten.
    text_digest: str
    own_voice: str = ""
    # What it was made from: another file of VOICES_PATH is another object.
    voices: object = None
    words_version: int = 0
    fallbacks: "tuple[Plan, ...]" = ()
    silent: tuple[str, ...] = ()

    @property
    def stream_key(self) -> str:
        """The key of requests that share a synthesis: the same sound and the same connection timeout."""
        return f"{self.sound}-{self.connect_seconds * 1000:.0f}"

    @property
    def form(self) -> str:
        """The name of the format of this plan among the forms of its sound."""
        before, after = self.silence_ms
        return f"{self.target.audio_format}-{self.target.sample_rate}-{before}-{after}"

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


class Planner:
    """Makes plans from the providers, the preferred one first, and from the limits of this server.

    It remembers the plans of request bodies, because most bodies come more than once.
    """

    def __init__(
        self,
        providers: Mapping[str, TTSProvider],
        speech: SpeechConfig,
        secret: bytes,
        voices_for: Callable[[str, str], Sequence[str]] = lambda slug, language: (),
        is_cached: Callable[[str], object] = lambda key: False,
    ) -> None:
        self._providers = providers
        self._speech = speech
        self._secret = secret
        self._voices_for = voices_for
        self._is_cached = is_cached
        self._lexicons = Lexicons(speech.lexicon_path)
        self._plans: dict[tuple[bytes, tuple[str, ...]], Plan] = {}

    def recall(self, body: bytes, default_formats: tuple[str, ...]) -> Plan | None:
        """Return the remembered plan of a body with these default formats."""
        plan = self._plans.get((body, default_formats))
        return plan if plan is None or plan.words_version == self._lexicons.version else None

    def remember(self, body: bytes, default_formats: tuple[str, ...], plan: Plan) -> None:
        """Remember the plan, unless it holds credentials, its voice or cached clip may go, or the body is large."""
        is_lasting = plan.credentials is None and plan.version is None and plan.provider.configured
        if len(body) > REMEMBERED_BYTES or not is_lasting:
            return
        if len(self._plans) >= REMEMBERED_PLANS:
            # Start over, because to track the use of each plan would cost every hit.
            self._plans.clear()
        self._plans[body, default_formats] = plan

    def plan(self, request: SpeakRequest) -> Plan:
        """Return the plan of one request; raises InvalidRequest and its kinds, ProviderNotConfigured."""
        provider = self.provider(request.provider, request)
        credentials = provider.check_auth(request.auth) if request.auth else None
        language = wanted_language(request.language or "")
        voice_id, model = provider.resolve_voice(request.voice_id or "", request.model or "", language)
        _matching(voice_id, provider.voice_pattern, "voice_id", "an id from GET /voices")
        tag = self._spoken(provider, voice_id, language)
        words_version = self._lexicons.version
        said = self._said(request, tag)
        low, high = provider.rates
        plan = Plan(
            provider=provider,
            text=said.text,
            voice_id=voice_id,
            model=_matching(model, provider.model_pattern, "model", "a model name of the vendor"),
            language=tag,
            speaking_rate=min(high, max(low, (request.speaking_rate or 1.0) * said.rate)),
            target=audio.resolve(request.audio_format or "wav", request.sample_rate),
            settings=checked(request.voice_settings, provider),
            credentials=credentials,
            connect_seconds=min(request.connection_timeout or MAX_CONNECT_SECONDS, MAX_CONNECT_SECONDS),
            request_seconds=min(request.request_timeout or MAX_REQUEST_SECONDS, MAX_REQUEST_SECONDS),
            characters=len(said.text),
            pauses=said.pauses,
            words_version=words_version,
            version=provider.version_of(voice_id),
            sound="",
            key="",
            silence_ms=_silence(request, said.pauses),
            prefers_envelope=request.prefers_envelope,
            ignored_fields=request.ignored_fields,
            text_digest=text_digest(request.text or ""),
        )
        sound = sound_key(plan, provider, self._secret, pauses=plan.pauses, version=plan.version)
        # A pack brings the clips of a vendor to a machine that has no key for it (contract 18).
        if not credentials and not provider.configured and not self._is_cached(sound):
            raise ProviderNotConfigured(provider.how_to_configure or f"{provider.slug} is not configured here")
        return dataclasses.replace(plan, sound=sound, key=cache_key({"sound": sound, "form": plan.form}))

    def _said(self, request: SpeakRequest, language: str) -> Spoken:
        words = self._lexicons.words(request.tenant, language, request.pronunciations)
        return spoken(request.text or "", request.markup or "none", words, self._speech.max_text_chars)

    def provider(self, slug: str | None, request: SpeakRequest | None = None) -> TTSProvider:
        """Return the provider with this slug or alias, the preferred one when None; raises as plan does."""
        name = (slug or self._speech.default_tts_provider or "").lower()
        if name:
            name = ALIASES.get(name, name)
            if name not in self._providers:
                raise UnknownProvider(f"provider is unknown; send one of {', '.join(sorted(self._providers))}")
            return self._providers[name]
        for provider in self._providers.values():
            if provider.configured and (request is None or suits(provider, request)):
                return provider
        raise ProviderNotConfigured("no speech provider is configured on this server")

    def _spoken(self, provider: TTSProvider, voice_id: str, language: str) -> str:
        """Return the language that is spoken; raises InvalidRequest when the voice cannot speak the wanted one."""
        tags = provider.languages_of(voice_id)
        if not tags:
            return language or canonical(provider.language_of(voice_id))
        if found := spoken_language(tags, language):
            return found
        others = self._voices_for(provider.slug, language)
        instead = f"another voice_id such as {', '.join(others)}" if others else "another voice_id from GET /voices"
        raise InvalidRequest(
            f"the voice {voice_id} of {provider.slug} speaks {', '.join(tags)[:100]} and not {language}; "
            f"send {instead}, or leave voice_id out"
        )


def suits(provider: TTSProvider, request: SpeakRequest) -> bool:
    """Return whether a request that names no provider may go to this one."""
    names = filter(None, (request.voice_id, request.model, *request.voice_settings))
    return provider.suits(request.text or "", canonical(request.language or ""), tuple(names))


def _silence(request: SpeakRequest, pauses: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the silence before and after the speech; raises InvalidRequest when all silence lasts too long."""
    around = request.silence_before_ms or 0, request.silence_after_ms or 0
    total = sum(around) + sum(milliseconds for _, milliseconds in pauses)
    if total > MAX_SILENCE_MS:
        raise InvalidRequest(f"the silences last {total / 1000:g} s; send at most {MAX_SILENCE_MS // 1000} s")
    return around


def _matching(value: str, pattern: re.Pattern[str], name: str, wanted: str) -> str:
    if value and not pattern.fullmatch(value):
        raise InvalidRequest(f"{name} is too long or has a character that is not allowed; send {wanted}")
    return value
