"""From a SpeakRequest to a Plan: defaults, limits, pronunciations, the cache key."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sayna import audio
from sayna.config import SpeechConfig
from sayna.errors import InvalidRequest, ProviderNotConfigured, ProviderRejectedRequest, UnknownProvider
from sayna.providers import ALIASES
from sayna.providers.base import TTSProvider
from sayna.speech.cache import cache_key
from sayna.speech.lexicons import Lexicons
from sayna.speech.plan import MAX_CONNECT_SECONDS, MAX_REQUEST_SECONDS, Plan, SpeakRequest, changed
from sayna.speech.spoken import spoken
from sayna.speech.text import text_digest
from sayna.speech.voice_settings import checked
from sayna.speech.voices.languages import canonical, wanted_language
from sayna.speech.voices.languages import spoken as spoken_language

# The limit on all silence of a request (contract 14).
MAX_SILENCE_MS = 60_000


class Planner:
    """Makes plans from the providers, the preferred one first, and from the limits of this server."""

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

    def reworded(self, plan: Plan, text: str) -> Plan | None:
        """Return the plan with another text, None when the text decides more of it; raises as plan() does."""
        if plan.words is None or plan.fallbacks or plan.silent:
            return None
        said = spoken(text, "none", plan.words, self._speech.max_text_chars)
        return self._keyed(plan, said.text, characters=len(said.text), text_digest=text_digest(text))

    def _keyed(self, plan: Plan, text: str, **changes: Any) -> Plan:
        sound = _sound_key(plan, text, self._secret)
        return changed(plan, text=text, sound=sound, key=cache_key({"sound": sound, "form": plan.form}), **changes)

    def plan(self, request: SpeakRequest) -> Plan:
        """Return the plan of one request; raises InvalidRequest and its kinds, ProviderNotConfigured."""
        provider = self.provider(request.provider, request)
        credentials = provider.check_auth(request.auth) if request.auth else None
        language = wanted_language(request.language or "")
        voice_id, model = provider.resolve_voice(request.voice_id or "", request.model or "", language)
        tag = self._spoken(provider, voice_id, language)
        words_version = self._lexicons.version
        words = self._lexicons.words(request.tenant, tag, request.pronunciations)
        said = spoken(request.text or "", request.markup or "none", words, self._speech.max_text_chars)
        plan = Plan(
            provider=provider,
            text=said.text,
            voice_id=voice_id,
            model=_matching(model, provider.model_pattern, "model", "a model name of the vendor"),
            language=tag,
            speaking_rate=_within((request.speaking_rate or 1.0) * said.rate, *provider.rates),
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
            gain_db=request.gain_db,
            prefers_envelope=request.prefers_envelope,
            ignored_fields=request.ignored_fields,
            text_digest=text_digest(request.text or ""),
            words=None if request.markup or not (request.provider or self._speech.default_tts_provider) else words,
        )
        plan = self._keyed(plan, said.text)
        # A pack brings the clips of a vendor to a machine that has no key for it (contract 18).
        if not credentials and not provider.configured and not self._is_cached(plan.sound):
            raise ProviderNotConfigured(provider.how_to_configure or f"{provider.slug} is not configured here")
        return plan

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
        _matching(voice_id, provider.voice_pattern, "voice_id", "an id from GET /voices")
        tags = provider.languages_of(voice_id)
        if not tags:
            self._check_local(provider, voice_id)
            return language or canonical(provider.language_of(voice_id))
        if found := spoken_language(tags, language):
            return found
        others = self._voices_for(provider.slug, language)
        instead = f"another voice_id such as {', '.join(others)}" if others else "another voice_id from GET /voices"
        raise InvalidRequest(
            f"the voice {voice_id} of {provider.slug} speaks {', '.join(tags)[:100]} and not {language}; "
            f"send {instead}, or leave voice_id out"
        )

    def _check_local(self, provider: TTSProvider, voice_id: str) -> None:
        """Raise ProviderRejectedRequest for a voice that a local provider lacks, before anything is rendered."""
        if not (provider.local and provider.configured and voice_id):
            return
        for other in self._providers.values():
            if other.understudy == provider.slug and not other.configured and other.languages_of(voice_id):
                raise ProviderNotConfigured(other.how_to_configure)
        raise ProviderRejectedRequest(f"{provider.slug} does not know this voice; GET /voices lists them")


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


def _within(rate: float, low: float, high: float) -> float:
    return min(high, max(low, rate))


def _matching(value: str, pattern: re.Pattern[str], name: str, wanted: str) -> str:
    if value and not pattern.fullmatch(value):
        raise InvalidRequest(f"{name} is too long or has a character that is not allowed; send {wanted}")
    return value


def _sound_key(plan: Plan, text: str, secret: bytes) -> str:
    """Return the SHA-256, in hex, of every input that changes the sound; an audio format does not."""
    provider = plan.provider
    fields: dict[str, Any] = {
        "provider": provider.slug,
        # Another server may have other voices under the same names.
        "base_url": provider.base_url,
        "text": text,
        "voice_id": plan.voice_id,
        "model": plan.model,
        "language": plan.language,
        "speaking_rate": plan.speaking_rate,
        "settings": dict(plan.settings),
    }
    if plan.pauses:
        fields["pauses"] = plan.pauses
    if plan.version is not None:
        fields["version"] = plan.version
    if provider.sound_version:
        fields["sound_version"] = provider.sound_version
    if plan.credentials:
        credential = json.dumps(plan.credentials, sort_keys=True).encode()
        # Without the credentials, a caller with an invalid key could read audio that another caller paid for.
        # HMAC, because clients see the cache key as the ETag.
        fields["credential"] = hmac.new(secret, credential, hashlib.sha256).hexdigest()
    return cache_key(fields)
