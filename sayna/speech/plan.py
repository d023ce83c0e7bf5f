"""From what a caller asked to what a vendor is given: defaults, limits, pronunciations, the cache key."""

import dataclasses
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayna import audio
from sayna.config import SpeechConfig
from sayna.errors import InvalidRequest, ProviderNotConfigured, TextTooLong, UnknownProvider
from sayna.http import Deadline
from sayna.providers import ALIASES
from sayna.providers.base import SpeechRequest, SynthesisParams, TTSProvider
from sayna.speech.cache import cache_key
from sayna.speech.pronunciation import spoken_text
from sayna.speech.voice_settings import checked

# The shape of RFC 5646, not its registry: which languages there are, the vendors know.
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,5}")
# The reference's defaults, which here nobody may exceed: a thread waits so long.
MAX_CONNECT_SECONDS = 30.0
MAX_REQUEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """A speech request as it came over the wire; None and "" mean that the caller left it out."""

    text: str | None
    provider: str | None = None
    voice_id: str | None = None
    model: str | None = None
    speaking_rate: float | None = None
    audio_format: str | None = None
    sample_rate: int | None = None
    language: str | None = None
    voice_settings: Mapping[str, Any] = field(default_factory=dict)
    pronunciations: Sequence[tuple[str, str]] = ()
    connection_timeout: float | None = None
    request_timeout: float | None = None
    auth: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan(SynthesisParams):
    """Everything about one synthesis but the moment at which it happens."""

    provider: TTSProvider
    request_seconds: float
    characters: int
    # Of the voice, where it may change under its name; else None.
    version: str | None
    key: str

    @property
    def flight(self) -> str:
        """Who may share one rendering: all with the same key and the same patience to connect."""
        return f"{self.key}-{self.connect_seconds * 1000:.0f}"

    def request(self) -> SpeechRequest:
        """Return what the vendor is given; its deadline starts now.

        It is the server's, not the caller's: others may listen too, and an impatient caller just leaves.
        """
        return SpeechRequest(
            text=self.text,
            voice_id=self.voice_id,
            model=self.model,
            language=self.language,
            speaking_rate=self.speaking_rate,
            target=self.target,
            settings=self.settings,
            credentials=self.credentials,
            connect_seconds=self.connect_seconds,
            deadline=Deadline.after(MAX_REQUEST_SECONDS),
        )


class Planner:
    """Knows the vendors, the preferred one first, and the limits of this server."""

    def __init__(self, providers: Mapping[str, TTSProvider], speech: SpeechConfig, secret: bytes) -> None:
        self._providers = providers
        self._speech = speech
        self._secret = secret

    def plan(self, query: SpeakRequest) -> Plan:
        """Return the plan of one request; raises InvalidRequest and its kinds, ProviderNotConfigured."""
        text = self._text(query)
        provider = self._provider(query.provider)
        credentials = provider.check_auth(query.auth) if query.auth else None
        if not credentials and not provider.configured:
            raise ProviderNotConfigured(
                provider.how_to_configure or f"{provider.slug} is not configured on this server"
            )
        language = _matching(query.language or "", LANGUAGE, "language", "a BCP 47 tag such as en-GB")
        voice_id, model = provider.resolve_voice(query.voice_id or "", query.model or "", language)
        low, high = provider.rates
        plan = Plan(
            provider=provider,
            text=text,
            voice_id=_matching(voice_id, provider.voice_pattern, "voice_id", "an id from GET /voices"),
            model=_matching(model, provider.model_pattern, "model", "a model name of the vendor"),
            language=language or provider.language_of(voice_id),
            speaking_rate=min(high, max(low, query.speaking_rate or 1.0)),
            target=audio.resolve(query.audio_format or "wav", query.sample_rate),
            settings=checked(query.voice_settings, provider),
            credentials=credentials,
            connect_seconds=min(query.connection_timeout or MAX_CONNECT_SECONDS, MAX_CONNECT_SECONDS),
            request_seconds=min(query.request_timeout or MAX_REQUEST_SECONDS, MAX_REQUEST_SECONDS),
            characters=len(text),
            version=provider.version_of(voice_id),
            key="",
        )
        return dataclasses.replace(plan, key=self._key(plan))

    def _text(self, query: SpeakRequest) -> str:
        if len(query.text or "") > self._speech.max_text_chars:
            raise TextTooLong(
                f"text has {len(query.text or '')} characters; at most {self._speech.max_text_chars} are taken"
            )
        return spoken_text(query.text or "", query.pronunciations)

    def _provider(self, slug: str | None) -> TTSProvider:
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

    def _key(self, plan: Plan) -> str:
        fields: dict[str, Any] = {
            "provider": plan.provider.slug,
            # Another server under the same name has other voices.
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
        if plan.version is not None:
            fields["version"] = plan.version
        if plan.credentials:
            credential = json.dumps(plan.credentials, sort_keys=True).encode()
            # Else whoever has no good key would hear from the cache what somebody paid for with one.
            # Keyed, for cache keys are sent to callers as ETags.
            fields["credential"] = hmac.new(self._secret, credential, hashlib.sha256).hexdigest()
        return cache_key(fields)


def _matching(value: str, pattern: re.Pattern[str], name: str, wanted: str) -> str:
    if value and not pattern.fullmatch(value):
        raise InvalidRequest(f"{name} has characters or a length that no such name has; send {wanted}")
    return value
