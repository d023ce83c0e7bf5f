"""A voice with several targets: each speaks in turn, the next one when the one before fails."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sayna.caller import UNRESTRICTED, Caller
from sayna.errors import NotCached, ProviderError, ProviderRateLimited, ProviderTimeout, SaynaError
from sayna.providers.base import TTSProvider
from sayna.speech.plan import MAX_CONNECT_SECONDS, Plan
from sayna.speech.provider_calls import VendorBusy
from sayna.speech.service import CacheMode, SpeechResult, SpeechService
from sayna.speech.single_flight import StreamAborted
from sayna.state.shared_breaker import SharedBreaker

# Where a request names no connection_timeout: the longest silence of a target before the next one is asked.
SILENCE_SECONDS = 10.0
# A shorter timeout is the caller's choice, so it says nothing about the provider to other callers.
MIN_TIMEOUT_SECONDS = 5.0
# What a target has where the others have used up the time of the request.
MIN_SECONDS = 0.001


def allowed(plan: Plan, may_speak: Callable[[TTSProvider], bool]) -> Plan | None:
    """Return the plan with the targets whose provider may speak, None without such a target."""
    if not plan.fallbacks:
        return plan if may_speak(plan.provider) else None
    plans = [each for each in (plan, *plan.fallbacks) if may_speak(each.provider)]
    return replace(plans[0], fallbacks=tuple(plans[1:])) if plans else None


class _Attempt:
    """One target of a chain: how long it may be silent, and what its outcome means for its provider."""

    def __init__(self, plan: Plan, breaker: SharedBreaker) -> None:
        is_open = plan.connect_seconds >= MAX_CONNECT_SECONDS
        self.silence_seconds = SILENCE_SECONDS if is_open else plan.connect_seconds
        slug = plan.provider.slug
        # One breaker for all callers, and one for those with this timeout.
        self._names = slug, f"{slug} {self.silence_seconds:g}"
        self._breaker = breaker
        self._is_probe = False

    def is_closed(self) -> bool:
        """Return whether the provider has spoken lately."""
        return all(map(self._breaker.is_closed, self._names))

    def claim(self) -> bool:
        """Return whether the provider may be called."""
        self._is_probe = not self.is_closed()
        return all(map(self._breaker.claim, self._names))

    def record(self, error: ProviderError | None) -> None:
        """Close the breakers after an answer, and open one after a failure of the provider."""
        if isinstance(error, StreamAborted):
            return
        if error is None or not _is_failure(error):
            for name in self._names:
                self._breaker.succeeded(name)
            return
        is_own_choice = isinstance(error, ProviderTimeout) and self.silence_seconds < MIN_TIMEOUT_SECONDS
        seconds = error.retry_after if isinstance(error, ProviderRateLimited) else None
        self._breaker.failed(self._names[is_own_choice], is_probe=self._is_probe, seconds=seconds)


class FallbackSpeech:
    """Speaks a plan with the first of its targets that can."""

    def __init__(self, speech: SpeechService, breaker: SharedBreaker) -> None:
        self._speech = speech
        self._breaker = breaker

    def speak(
        self,
        plan: Plan,
        mode: CacheMode,
        *,
        is_whole: bool,
        is_client_connected: Callable[[], bool],
        caller: Caller = UNRESTRICTED,
    ) -> SpeechResult:
        """Return the speech of the first target that makes it; `caller` pays for it.

        `is_whole` means that the answer begins when the speech is complete. Raises as SpeechService.synthesize does;
        where every target fails, the error of the last one.
        """
        synthesize = partial(self._speech.synthesize, is_client_connected=is_client_connected, caller=caller)
        if not plan.fallbacks:
            return synthesize(plan, mode)
        plans, silent, until = [plan, *plan.fallbacks], [], time.monotonic() + plan.request_seconds
        while True:
            left = until - time.monotonic()
            each, has_next = plans.pop(0), bool(plans) and left > 0
            each = replace(each, is_retried=False, has_next=has_next, request_seconds=max(left, MIN_SECONDS))
            try:
                speech = self._attempt(partial(synthesize, each), each, mode, is_whole=is_whole)
            except (ProviderError, NotCached, VendorBusy) as error:
                if not has_next or not _is_failure(error):
                    raise
                silent.append(each.provider.slug)
            else:
                speech.fallback = tuple(dict.fromkeys(silent))
                return speech

    def cached(self, plan: Plan, caller: Caller | None) -> SpeechResult | None:
        """Return the cached speech of the first target, as SpeechService.cached does."""
        return self._speech.cached(plan, caller)

    def _attempt(
        self, synthesize: Callable[..., SpeechResult], plan: Plan, mode: CacheMode, *, is_whole: bool
    ) -> SpeechResult:
        attempt = _Attempt(plan, self._breaker)
        if plan.has_next and mode is not CacheMode.ONLY and not attempt.is_closed():
            # A provider that fails still speaks from the cache, and a hit must not use up the probe.
            if mode is CacheMode.USE:
                with contextlib.suppress(NotCached):
                    return synthesize(CacheMode.ONLY)
            if not attempt.claim():
                raise ProviderError(f"{plan.provider.slug} failed a moment ago")
        try:
            speech = synthesize(mode, silence_seconds=attempt.silence_seconds if plan.has_next else math.inf)
        except ProviderError as error:
            attempt.record(error)
            raise
        if speech.outcome != "HIT":
            speech.observe = attempt.record
        if is_whole:
            speech.finished()
        speech.end_silence_limit()
        return speech


def _is_failure(error: SaynaError) -> bool:
    """Return whether another target may succeed: below 500, the request is wrong for all of them."""
    return error.status >= 500  # noqa: PLR2004
