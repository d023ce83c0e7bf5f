"""From a SpeakRequest to a Plan: defaults, limits, pronunciations, the cache key, the memory of plans."""

import dataclasses
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sayna import audio
from sayna.config import SpeechConfig
from sayna.errors import InvalidRequest, ProviderNotConfigured, UnknownProvider
from sayna.http import Deadline
from sayna.providers import ALIASES
from sayna.providers.base import SpeechRequest, SynthesisParams, TTSProvider
from sayna.speech.cache import Clip, ClipInfo, cache_key
from sayna.speech.lexicons import Lexicons
from sayna.speech.speak_request import SpeakRequest
from sayna.speech.spoken import Spoken, spoken
from sayna.speech.voice_settings import checked
from sayna.speech.voices.languages import canonical
from sayna.speech.voices.languages import spoken as spoken_language

__all__ = ["Plan", "Planner", "SpeakRequest"]

# Limits on a caller's own timeouts, because a thread waits that long.
MAX_CONNECT_SECONDS = 30.0
MAX_REQUEST_SECONDS = 60.0
# Planning a body again costs more than the rest of a hit: 175 us with it, 90 us without (measured).
# This many plans of this size are at most 16 MiB a worker.
REMEMBERED_PLANS = 2048
REMEMBERED_BYTES = 8192
_PARAMS = tuple(each.name for each in dataclasses.fields(SynthesisParams))


@dataclass(frozen=True, slots=True)
class Plan(SynthesisParams):
    """One synthesis in full, except for its deadline.

    `own_voice` is the name of the operator's own voice that it is for, and `fallbacks` are the plans of the targets
    that speak in turn when this one fails.
    """

    provider: TTSProvider
    request_seconds: float
    characters: int
    # Places in the text, and the milliseconds of silence there.
    pauses: tuple[tuple[int, int], ...]
    # Version of the voice, where it may change under its id; otherwise None.
    version: str | None
    key: str
    prefers_envelope: bool
    ignored_fields: str
    own_voice: str = ""
    # What it was made from: another file of VOICES_PATH is another object.
    voices: object = None
    words_version: int = 0
    fallbacks: "tuple[Plan, ...]" = ()

    @property
    def stream_key(self) -> str:
        """The key of requests that share a synthesis: the same sound and the same connection timeout."""
        return f"{self.key}-{self.connect_seconds * 1000:.0f}"

    def provider_request(self) -> SpeechRequest:
        """Return the request to the provider; its deadline starts now.

        The deadline is the server's and not the caller's, because other callers may share the synthesis.
        """
        params: dict[str, Any] = {name: getattr(self, name) for name in _PARAMS}
        return SpeechRequest(**params, deadline=Deadline.after(MAX_REQUEST_SECONDS))

    def describe(self, *, duration_ms: int = 0, created: float = 0.0) -> ClipInfo:
        """Return the metadata of this sound; duration and time of creation are 0 while it is unknown."""
        return ClipInfo(
            provider=self.provider.slug,
            voice_id=self.voice_id,
            model=self.model,
            language=self.language,
            audio_format=self.target.audio_format,
            sample_rate=self.target.sample_rate,
            channels=self.target.channels,
            duration_ms=duration_ms,
            characters=self.characters,
            speaking_rate=self.speaking_rate,
            created=created,
        )

    def clip(self, whole: bytes, created: float) -> Clip:
        """Return the clip of the complete audio of the take that was created then, in epoch seconds."""
        return Clip(self.describe(duration_ms=audio.duration_ms(whole, self.target), created=created), whole)


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
        is_cached: Callable[[str], bool] = lambda key: False,
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
        provider = self.provider(request.provider)
        credentials = provider.check_auth(request.auth) if request.auth else None
        language = _language(request.language or "")
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
            key="",
            prefers_envelope=request.prefers_envelope,
            ignored_fields=request.ignored_fields,
        )
        key = self._key(plan)
        # A pack brings the clips of a vendor to a machine that has no key for it (contract 18).
        if not credentials and not provider.configured and not self._is_cached(key):
            raise ProviderNotConfigured(provider.how_to_configure or f"{provider.slug} is not configured here")
        return dataclasses.replace(plan, key=key)

    def _said(self, request: SpeakRequest, language: str) -> Spoken:
        words = self._lexicons.words(request.tenant, language, request.pronunciations)
        return spoken(request.text or "", request.markup or "none", words, self._speech.max_text_chars)

    def provider(self, slug: str | None) -> TTSProvider:
        """Return the provider with this slug or alias, the preferred one when None; raises as plan does."""
        name = (slug or self._speech.default_tts_provider or "").lower()
        if name:
            name = ALIASES.get(name, name)
            if name not in self._providers:
                raise UnknownProvider(f"provider is unknown; send one of {', '.join(sorted(self._providers))}")
            return self._providers[name]
        for provider in self._providers.values():
            if provider.configured:
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

    def _key(self, plan: Plan) -> str:
        fields: dict[str, Any] = {
            "provider": plan.provider.slug,
            # Another server may have other voices under the same names.
            "base_url": plan.provider.base_url,
            "text": plan.text,
            "voice_id": plan.voice_id,
            "model": plan.model,
            "language": plan.language,
            "speaking_rate": plan.speaking_rate,
            "settings": dict(plan.settings),
            "audio_format": plan.target.audio_format,
            "sample_rate": plan.target.sample_rate,
        }
        if plan.pauses:
            fields["pauses"] = plan.pauses
        if plan.version is not None:
            fields["version"] = plan.version
        if plan.provider.sound_version:
            fields["sound_version"] = plan.provider.sound_version
        if plan.credentials:
            credential = json.dumps(plan.credentials, sort_keys=True).encode()
            # Without the credentials, a caller with an invalid key could read audio that another caller paid for.
            # HMAC, because clients see the cache key as the ETag.
            fields["credential"] = hmac.new(self._secret, credential, hashlib.sha256).hexdigest()
        return cache_key(fields)


def _language(text: str) -> str:
    tag = canonical(text)
    if text.strip() and not tag:
        raise InvalidRequest("language must be a BCP 47 tag such as en-GB or de")
    return tag


def _matching(value: str, pattern: re.Pattern[str], name: str, wanted: str) -> str:
    if value and not pattern.fullmatch(value):
        raise InvalidRequest(f"{name} is too long or has a character that is not allowed; send {wanted}")
    return value
