"""Clips: speech behind a signed URL. It is minted from a request, and later found again from the URL alone."""

import dataclasses
import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass

from sayna.audio.file_endings import ENDINGS
from sayna.caller import UNRESTRICTED, Caller
from sayna.config import AuthConfig, Config
from sayna.errors import UnsupportedFormat
from sayna.speech.clip_errors import ClipExpired, ClipNotFound, ClipsNotConfigured, ClipTooLong
from sayna.speech.clip_urls import MAX_URL, ClipLink, ClipSigner, derived, rounded_expiry
from sayna.speech.fallback import FallbackSpeech, allowed
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.service import CacheMode, SpeechResult
from sayna.speech.voice_planner import VoicePlanner
from sayna.state.secret import KEY_FILE, lasting_secret


@dataclass(frozen=True, slots=True)
class SignedClip:
    """A clip that has a URL: `path` below this server; `expires` in epoch seconds, None for never.

    `caller` is the tenant that the clip counts on.
    """

    plan: Plan
    path: str
    caller: Caller
    expires: int | None

    def seconds_left(self, now: float) -> float:
        """Return the seconds until the URL expires."""
        return float("inf") if self.expires is None else self.expires - now


def clip_signer(config: Config) -> ClipSigner:
    """Return the signer of a server; secrets that signed before a setting was added come last and still verify."""
    given = [each.reveal() for each in config.clips.secrets]
    shared = config.fleet.secret
    lasting = (shared.reveal().encode() if shared else None, lasting_secret(config.cache.path))
    key_file = None if given or shared or config.cache.path is None else config.cache.path / KEY_FILE
    return ClipSigner(given + [derived(secret) for secret in lasting if secret is not None], key_file)


class ClipService:
    """Mints the URLs of clips, opens them, and renders their audio at most once."""

    def __init__(self, signer: ClipSigner, planner: VoicePlanner, speech: FallbackSpeech, auth: AuthConfig) -> None:
        self._signer = signer
        self._planner = planner
        self._speech = speech
        self._auth = auth

    def plan(self, request: SpeakRequest, ending: str) -> Plan:
        """Return the plan of a request in the format of an ending; raises InvalidRequest and its kinds."""
        if (found := ENDINGS.get(ending)) is None:
            raise UnsupportedFormat(f"ext must be one of {', '.join(ENDINGS)}")
        if not found.fits(request.sample_rate):
            raise UnsupportedFormat(f"audio with the ending {ending} always has {found.sample_rate} Hz")
        rate = request.sample_rate or found.sample_rate
        return self._planner.plan(dataclasses.replace(request, audio_format=found.audio_format, sample_rate=rate))

    def signing_key(self, tenant: str | None) -> str:
        """Return the key that signs the URLs of a tenant; raises ClipsNotConfigured when no secret lasts."""
        if not self._signer.can_sign:
            raise ClipsNotConfigured
        return self._signer.key_of(tenant)

    def mint(self, request: SpeakRequest, ending: str, *, expires_in: int, caller: Caller, base_url: str) -> SignedClip:
        """Return the clip of a request; `base_url` and its path are the URL.

        Raises ClipsNotConfigured, ClipTooLong, and what `plan` raises.
        """
        self.signing_key(caller.tenant)
        plan = self.plan(dataclasses.replace(request, tenant=caller.tenant), ending)
        expires = rounded_expiry(time.time(), expires_in)
        link = dataclasses.replace(self._link(request, plan, ending), tenant=caller.tenant, expires=expires)
        path = self._signer.path(link, ending)
        if (length := len(base_url + path)) > MAX_URL:
            raise ClipTooLong(f"the URL would have {length} characters, more than {MAX_URL}; send a shorter text")
        return SignedClip(plan, path, caller, expires)

    def open(self, payload: str, signature: str, ending: str) -> SignedClip:
        """Return the clip of a URL; raises ClipNotFound, ClipExpired, and what `plan` raises."""
        link = self._signer.open(payload, signature, ending)
        caller = self.caller_of(link.tenant)
        if caller is None or link.markup not in (None, "ssml"):
            raise ClipNotFound
        if link.expires is not None and link.expires <= time.time():
            raise ClipExpired
        # The variant of a body of POST /speak begins with an audio format, which `clip` is not.
        known = payload.encode(), ("clip", ending)
        if (plan := self._planner.recall(*known)) is None:
            plan = self.plan(_request(link), ending)
            self._planner.remember(*known, plan)
        # A tenant that signs by itself could name any provider.
        usable = allowed(plan, lambda provider: caller.may_use(provider.slug))
        if usable is None:
            raise ClipNotFound
        return SignedClip(usable, "", caller, link.expires)

    def caller_of(self, tenant: str | None) -> Caller | None:
        """Return the caller for whom a tenant's signature speaks, None when the tenant no longer exists."""
        return self._auth.caller_of(tenant, datetime.datetime.now(datetime.UTC).date())

    def render(
        self, plan: Plan, *, is_client_connected: Callable[[], bool], caller: Caller = UNRESTRICTED
    ) -> SpeechResult:
        """Return the audio, finished; raises ProviderError and its kinds, Overloaded, QuotaExceeded, CallerGone."""
        speech = self._speech.speak(
            plan, CacheMode.USE, is_whole=True, is_client_connected=is_client_connected, caller=caller
        )
        speech.finished()
        return speech

    def _link(self, request: SpeakRequest, plan: Plan, ending: str) -> ClipLink:
        """Return what the URL must say: a voice of the operator, or provider and voice.

        Otherwise a new vendor would change an old URL.
        """
        # A document has its own rate in it, and so may a voice of the operator.
        rate = request.speaking_rate if plan.own_voice or request.markup == "ssml" else plan.speaking_rate
        shared = ClipLink(
            text=request.text or "",
            speaking_rate=None if rate in (1, None) else int(rate) if rate == int(rate) else rate,
            sample_rate=None if request.sample_rate == ENDINGS[ending].sample_rate else request.sample_rate,
            markup="ssml" if request.markup == "ssml" else None,
        )
        if plan.own_voice:
            return dataclasses.replace(shared, voice=plan.own_voice, language=request.language or None)
        pinned = SpeakRequest(
            "a", provider=plan.provider.slug, voice_id=plan.voice_id, audio_format=plan.target.audio_format
        )
        implied = self._planner.plan(pinned)
        return dataclasses.replace(
            shared,
            provider=plan.provider.slug,
            voice_id=plan.voice_id or None,
            model=plan.model if plan.model != implied.model else None,
            language=plan.language if plan.language != implied.language else None,
        )


def _request(link: ClipLink) -> SpeakRequest:
    fields = {name: getattr(link, name) for name in ClipLink.__slots__ if name != "expires"}
    # The cache key of 1 differs from that of 1.0.
    rate = None if link.speaking_rate is None else float(link.speaking_rate)
    return SpeakRequest(**fields | {"speaking_rate": rate})
