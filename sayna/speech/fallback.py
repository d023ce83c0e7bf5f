"""A voice with several targets: each speaks in turn, the next one when the one before fails."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sayna import audio
from sayna.caller import UNRESTRICTED, Caller
from sayna.engines.response import EngineFailed
from sayna.errors import NotCached, ProviderError, ProviderRateLimited, ProviderTimeout, SaynaError
from sayna.providers import PROVIDERS
from sayna.providers.base import TTSProvider
from sayna.speech.plan import MAX_CONNECT_SECONDS, Plan
from sayna.speech.provider_calls import VendorBusy
from sayna.speech.service import CacheMode, SpeechResult, SpeechService, SynthesisLimiter
from sayna.speech.single_flight import StreamAborted
from sayna.speech.speech_result import LiveSpeech
from sayna.state.shared_breaker import SharedBreaker

# Where a request names no connection_timeout: the longest silence of a target before the next one is asked.
SILENCE_SECONDS = 10.0
MIN_TIMEOUT_SECONDS = 5.0
# The breakers of a provider: one, and one for each shorter timeout in tenths of a second.
ROWS = round(10 * MIN_TIMEOUT_SECONDS) + 1
# What a target has where the others have used up the time of the request.
MIN_SECONDS = 0.001


def allowed(plan: Plan, may_speak: Callable[[TTSProvider], bool]) -> Plan | None:
    """Return the plan with the targets whose provider may speak, None without such a target."""
    plans: list[Plan] = []
    silent: tuple[str, ...] = ()
    for each in (plan, *plan.fallbacks):
        # The provider that does not read the text is silent, whichever target speaks in its place.
        silent += () if plans else each.silent
        if may_speak(each.provider):
            plans.append(each)
    if len(plans) > len(plan.fallbacks):
        return plan
    return replace(plans[0], silent=silent, fallbacks=tuple(plans[1:])) if plans else None


class _Attempt:
    """One target of a chain: how long it may be silent, and what its outcome means for its provider."""

    def __init__(self, plan: Plan, breaker: SharedBreaker, row: int) -> None:
        is_open = plan.connect_seconds >= MAX_CONNECT_SECONDS
        # Half of the time at most, otherwise none would be left for the next target.
        self.silence_seconds = min(SILENCE_SECONDS if is_open else plan.connect_seconds, plan.request_seconds / 2)
        # A timeout that the caller chose to be short says nothing about the provider to other callers.
        self._row, self._short = row, row + max(1, min(ROWS - 1, round(10 * self.silence_seconds)))
        self._breaker = breaker
        self._is_probe = False

    def is_known(self) -> bool:
        """Return whether the provider has spoken lately and not failed since."""
        return self._breaker.is_known(self._row) and not self._breaker.has_failed(self._short)

    def claim(self) -> bool:
        """Return whether the provider may be called; waits while another call finds out whether it answers."""
        self._is_probe = self._breaker.has_failed(self._row) or self._breaker.has_failed(self._short)
        if not self._breaker.try_first(self._row, self.silence_seconds):
            return False
        if not self._breaker.claim(self._short):
            self.withdraw()
            return False
        return True

    def withdraw(self) -> None:
        """Let another call find out whether the provider answers."""
        self._breaker.withdraw(self._row)

    def begun(self) -> None:
        """Note that the provider has sent audio."""
        self._breaker.answered(self._row)

    def record(self, error: BaseException | None) -> None:
        """Close the breakers after an answer, and open one after a failure of the provider."""
        # A client that has gone tells nothing, and neither does a text that the engine of this machine cannot say.
        if not isinstance(error, ProviderError | None) or isinstance(error, StreamAborted | EngineFailed):
            self.withdraw()
        elif error is None or not _is_failure(error):
            for row in (self._row, self._short):
                self._breaker.succeeded(row)
        elif isinstance(error, ProviderTimeout) and self.silence_seconds < MIN_TIMEOUT_SECONDS:
            self._breaker.failed(self._short, is_probe=self._is_probe)
            self.withdraw()
        else:
            seconds = error.retry_after if isinstance(error, ProviderRateLimited) else None
            self._breaker.failed(self._row, is_probe=self._is_probe, seconds=seconds)


class FallbackSpeech:
    """Speaks a plan with the first of its targets that can."""

    def __init__(self, speech: SpeechService, limiter: SynthesisLimiter) -> None:
        self._speech = speech
        self._limiter = limiter
        self._rows = {slug: place * ROWS for place, slug in enumerate(PROVIDERS)}
        self._breaker = SharedBreaker(len(self._rows) * ROWS)

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
            speech = _without_loss(lambda: synthesize(plan, mode), is_whole=is_whole)
            speech.fallback = plan.silent
            return speech
        plans, silent, until = [plan, *plan.fallbacks], [], time.monotonic() + plan.request_seconds
        while True:
            left = until - time.monotonic()
            each, has_next = plans.pop(0), bool(plans) and left > 0
            each = replace(each, is_retried=False, has_next=has_next, request_seconds=max(left, MIN_SECONDS))
            try:
                attempt = partial(self._attempt, partial(synthesize, each), each, mode, is_whole=is_whole)
                speech = _without_loss(attempt, is_whole=is_whole)
            except (ProviderError, NotCached, VendorBusy) as error:
                if not has_next or not _is_failure(error):
                    raise
                silent += [*each.silent, each.provider.slug]
            else:
                speech.fallback = tuple(dict.fromkeys([*silent, *each.silent]))
                return speech

    def cached(self, plan: Plan, caller: Caller | None) -> SpeechResult | None:
        """Return the cached speech of the first target, as SpeechService.cached does."""
        speech = self._speech.cached(plan, caller)
        if speech is not None:
            speech.fallback = plan.silent
        return speech

    def _attempt(
        self, synthesize: Callable[..., SpeechResult], plan: Plan, mode: CacheMode, *, is_whole: bool
    ) -> SpeechResult:
        attempt = _Attempt(plan, self._breaker, self._rows[plan.provider.slug])
        if plan.has_next and mode is not CacheMode.ONLY and not attempt.is_known():
            # A provider that fails still speaks from the cache, and a hit must not use up the probe.
            if mode is CacheMode.USE:
                with contextlib.suppress(NotCached):
                    return synthesize(CacheMode.ONLY)
            # A request that waits here holds a thread, so it takes a place as one does that waits for its speech.
            with self._limiter.hold():
                is_claimed = attempt.claim()
            if not is_claimed:
                raise ProviderError(f"{plan.provider.slug} failed a moment ago")
        try:
            speech = synthesize(mode, silence_seconds=attempt.silence_seconds if plan.has_next else math.inf)
        except BaseException as error:
            attempt.record(error)
            raise
        is_live = speech.outcome != "HIT"
        speech.observe = attempt.record if is_live else speech.observe
        # A format that is sent whole has begun when it is complete.
        if is_live and (audio.streams(plan.target) or not is_whole):
            attempt.begun()
        if is_whole:
            speech.finished()
        if isinstance(speech, LiveSpeech):
            speech.end_silence_limit()
        return speech


def _without_loss(attempt: Callable[[], SpeechResult], *, is_whole: bool) -> SpeechResult:
    """Return the speech of `attempt`, finished when it `is_whole`; a lost synthesis begins anew, once."""

    def begun() -> SpeechResult:
        speech = attempt()
        if is_whole:
            speech.finished()
        return speech

    try:
        return begun()
    except StreamAborted:
        # The process that called the provider is gone, but a client that waits for the whole has no byte yet.
        return begun()


def _is_failure(error: SaynaError) -> bool:
    """Return whether another target may succeed: below 500, the request is wrong for all of them."""
    return error.status >= 500  # noqa: PLR2004
