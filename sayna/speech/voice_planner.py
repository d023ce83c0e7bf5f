"""From the name of a voice to the plans of its targets: voices of the operator, and `provider/voice_id`.

The plans of request bodies are remembered, because most bodies come more than once.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sayna.config import Config, ConfigError
from sayna.errors import InvalidRequest, ProviderNotConfigured, SaynaError, UnknownVoice
from sayna.providers import ALIASES, PROVIDERS
from sayna.providers.base import TTSProvider, Voice
from sayna.speech.own_voices import ALIAS, NONE, OwnVoiceFile, OwnVoices, VoiceTarget
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.planner import Planner
from sayna.speech.voices.languages import canonical, spoken
from sayna.speech.voices.normalize import normalized

ADDRESS = re.compile(r"([A-Za-z0-9-]{1,64})[/:](.+)", re.DOTALL)
SHOWN = 5  # names in an error
# Planning a body again costs more than the rest of a hit: 175 us with it, 90 us without (measured).
# This many plans of this size are at most 16 MiB a worker.
REMEMBERED_PLANS = 2048
REMEMBERED_BYTES = 8192


class VoicePlanner(Planner):
    """A planner that knows the operator's voices; the plan of one has the plans of its other targets."""

    def __init__(
        self,
        providers: Mapping[str, TTSProvider],
        config: Config,
        secret: bytes,
        parse_target: Callable[[object], VoiceTarget],
        *lookups: Callable[..., Any],
    ) -> None:
        """Read VOICES_PATH with `parse_target`; raises ConfigError with every mistake in it."""
        super().__init__(providers, config.speech, secret, *lookups)
        self._plans: dict[tuple[bytes, tuple[str, ...]], Plan] = {}
        try:
            self._default = config.speech.default_voice or ""
            self._default_target = self._target_of(self._default)
            needs = "" if self._default_target else self._default
            self._file = OwnVoiceFile(config.speech.voices_path, parse_target, self._check, needs)
        finally:
            # The checks may have taken the pool of engines, in a process that only forks the workers.
            for provider in providers.values():
                provider.close()

    @property
    def own_voices(self) -> OwnVoices:
        """The targets of each of the operator's voices by its name."""
        return self._file.voices

    def recall(self, body: bytes, variant: tuple[str, ...]) -> Plan | None:
        """Return the remembered plan of a body in this variant, None when words or voices are others now."""
        plan = self._plans.get((body, variant))
        if plan is None or plan.words_version != self._lexicons.version or plan.voices is not self._file.voices:
            return None
        return plan

    def remember(self, body: bytes, variant: tuple[str, ...], plan: Plan) -> None:
        """Remember the plan, unless it holds credentials, a voice or its cached clip may go, or the body is large."""
        is_lasting = all(each.version is None for each in (plan, *plan.fallbacks)) and plan.provider.configured
        if len(body) > REMEMBERED_BYTES or plan.credentials is not None or not is_lasting:
            return
        if len(self._plans) >= REMEMBERED_PLANS:
            # Start over, because to track the use of each plan would cost every hit.
            self._plans.clear()
        self._plans[body, variant] = plan

    def plan(self, request: SpeakRequest) -> Plan:
        """Return the plan of the first target, with the plans of the others; raises as Planner.plan does."""
        voices = self._file.voices
        wanted = self.resolved(request)
        if not wanted.voice:
            return replace(self._one(wanted), voices=voices)
        targets = voices.get(wanted.voice, ())
        if len(targets) > 1 and (wanted.auth or wanted.voice_settings):
            raise InvalidRequest(f"the voice {wanted.voice} has several targets; send no auth and no voice_settings")
        speaking = [each for each in targets if self._speaks(each, wanted.language)]
        if not speaking:
            raise InvalidRequest(f"the voice {wanted.voice} does not speak this language; leave language out")
        first, *others = (replace(self._one(_aimed(wanted, each)), own_voice=wanted.voice) for each in speaking)
        # Only the last target needs its understudy: behind the others stands the next target.
        understudies = others[-1].fallbacks if others else first.fallbacks
        return replace(first, voices=voices, fallbacks=(*others, *understudies))

    def resolved(self, request: SpeakRequest) -> SpeakRequest:
        """Return the request with its `voice` as a name of the operator's, or as provider and voice_id.

        A request that names none gets DEFAULT_VOICE. Raises InvalidRequest and UnknownVoice.
        """
        name = request.voice
        if (request.provider or "").lower() == ALIAS:
            # The SDKs demand a model, so this one means nothing.
            name, request = name or request.voice_id or ALIAS, replace(request, provider="", voice_id="", model="")
        named = request.provider or request.voice_id or request.model
        if not name:
            if named or not self._takes_default(request):
                return request
            if target := self._default_target:
                return replace(request, voice=None, provider=target.provider, voice_id=target.voice_id)
            return replace(request, voice=self._default)
        if named:
            raise InvalidRequest("send voice, or provider, voice_id and model, but not both")
        name = name.removeprefix(f"{ALIAS}/").removeprefix(f"{ALIAS}:")
        voices = self._file.voices
        return replace(request, voice=name) if name in voices else _addressed(request, name, voices)

    def listed(self, may_use: Callable[[str], bool]) -> Iterator[Voice]:
        """Yield the operator's voices, as GET /voices has them, with the targets whose provider may be used."""
        for name, targets in self._file.voices.items():
            usable = [each for each in targets if may_use(each.provider)]
            if usable:
                tags = dict.fromkeys(plan.language for plan in map(self._probed, usable) if plan)
                chain = tuple("/".join(filter(None, (each.provider, each.voice_id))) for each in usable)
                yield normalized(Voice(name, name, ALIAS, languages=tuple(tags), chain=chain), ALIAS)

    def _target_of(self, voice: str) -> VoiceTarget | None:
        """Return the target whose address DEFAULT_VOICE is, None for a name; raises ConfigError if it cannot speak."""
        try:
            request = _addressed(SpeakRequest(None), voice)
            target = VoiceTarget(request.provider or "", request.voice_id or "")
            self._check(target)
        except UnknownVoice:
            return None
        except SaynaError as error:
            raise ConfigError([f"DEFAULT_VOICE has a mistake: {error.message}."]) from error
        return target

    def _takes_default(self, request: SpeakRequest) -> bool:
        targets = (self._default_target,) if self._default_target else self._file.voices.get(self._default, ())
        # Credentials and settings are those of one vendor, which DEFAULT_TTS_PROVIDER names.
        if len(targets) > 1 and (request.auth or request.voice_settings):
            return False
        return any(self._speaks(each, request.language) for each in targets)

    def _speaks(self, target: VoiceTarget, language: str | None) -> bool:
        """Return whether the target speaks the wanted language, as far as this server knows."""
        tag = canonical(language or "")
        if target.language or not tag:
            return not (language or "").strip() or bool(tag and spoken((target.language,), tag))
        return self._probed(target, tag) is not None

    def _probed(self, target: VoiceTarget, language: str | None = None) -> Plan | None:
        """Return the plan of a letter, None when the target cannot speak this language."""
        try:
            return self._one(_aimed(SpeakRequest("a", language=language), target))
        except SaynaError:
            return None

    def _one(self, request: SpeakRequest) -> Plan:
        """Return the plan of one target; its understudy is its fallback, and speaks a text that it cannot read."""
        plan = super().plan(request)
        understudy = self._providers.get(plan.provider.understudy)
        if understudy is None or not understudy.configured:
            return plan
        language = canonical(request.language or "") or plan.language
        # The gain was chosen for the voice of the target.
        asked = replace(request, provider=understudy.slug, voice_id=None, model=None, language=language, gain_db=0.0)
        other = super().plan(asked)
        if plan.provider.reads(plan.text):
            return replace(plan, fallbacks=(other,))
        return replace(other, silent=(plan.provider.slug,))

    def _check(self, target: VoiceTarget) -> None:
        """Raise SaynaError unless this server can ask the target's provider for its voice."""
        if not self.provider(target.provider).configured:
            raise ProviderNotConfigured(f"{target.provider} is not configured on this server")
        self._one(_aimed(SpeakRequest("a"), target))


def _addressed(request: SpeakRequest, address: str, voices: OwnVoices = NONE) -> SpeakRequest:
    """Return the request for `provider/voice_id` or `provider:voice_id`; raises UnknownVoice."""
    found = ADDRESS.fullmatch(address)
    slug = ALIASES.get(found[1].lower(), found[1].lower()) if found else ""
    if found is None or slug not in PROVIDERS:
        names = f"{', '.join([*voices][:SHOWN])}, or " if voices else ""
        raise UnknownVoice(f"voice is unknown; send {names}provider/voice_id, such as espeak/gmw/en-US")
    return replace(request, voice=None, provider=slug, voice_id=found[2])


def _aimed(request: SpeakRequest, target: VoiceTarget) -> SpeakRequest:
    """Return the request for one target."""
    return replace(
        request,
        voice=None,
        provider=target.provider,
        voice_id=target.voice_id,
        model=target.model,
        language=target.language or request.language,
        speaking_rate=round((request.speaking_rate or 1.0) * target.speaking_rate, 6),
        gain_db=target.gain_db,
        voice_settings={**target.voice_settings, **request.voice_settings},
    )
