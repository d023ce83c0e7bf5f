"""POST /speak below HTTP: the cache, or one shared synthesis for all who ask at once, then the provider."""

import enum
import secrets
import threading
from collections.abc import Callable, Iterator

from sayna.caller import UNRESTRICTED, Caller
from sayna.errors import NotCached, Overloaded
from sayna.speech import longtext
from sayna.speech.cache import AudioCache, Clip, ClipInfo
from sayna.speech.forms import PlannedForm, StoredForms
from sayna.speech.plan import Plan
from sayna.speech.single_flight import SingleFlight, Subscriber
from sayna.speech.synthesis import PlannedSynthesis, is_billed
from sayna.speech.usage import UsageMeter


class CacheMode(enum.Enum):
    """How a request uses the cache, by its Cache-Control."""

    USE = "use"
    REFRESH = "no-cache"
    BYPASS = "no-store"
    ONLY = "only-if-cached"


class SynthesisLimiter:
    """Limits how many requests of a process wait for a synthesis, so that cached audio never queues behind them."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def acquire(self) -> None:
        """Take a place; raises Overloaded when all are taken."""
        # Refuse instead of queueing: a waiting request holds a thread that cached speech and health need.
        if not self._places.acquire(blocking=False):
            raise Overloaded("this server renders as much speech as it can; try again", retry_after=1)

    def release(self) -> None:
        """Give the place back."""
        self._places.release()


class SpeechResult:
    """One answer: a finished clip, or audio that is still being made.

    `outcome` is HIT, MISS, COALESCED (another request's synthesis) or BYPASS. `created` is the time of this take
    in epoch seconds, the same in every answer with the same audio.
    """

    def __init__(self, plan: Plan, outcome: str, created: float, clip: Clip | None = None) -> None:
        self.plan = plan
        self.outcome = outcome
        self.created = created
        self.clip = clip

    @property
    def etag(self) -> str:
        """The cache key and the take: the same key synthesized anew is another take."""
        return f'"{self.plan.key}-{round(self.created * 1e6):x}"'

    @property
    def info(self) -> ClipInfo:
        """The metadata of the audio; its duration is 0 until the clip is finished."""
        return self.clip.info if self.clip else self.plan.describe(created=self.created)

    def chunks(self) -> Iterator[bytes]:
        """Yield the audio; raises what the synthesis raises, so only complete audio ends cleanly."""
        yield self.finished().audio

    def finished(self) -> Clip:
        """Return the finished clip; waits for it."""
        if self.clip is None:
            raise ValueError("only live speech may have no clip yet")
        return self.clip

    def close(self) -> None:
        """Free what the answer holds; may be called again."""


class LiveSpeech(SpeechResult):
    """An answer whose audio is still being made; it holds a subscription and a place in the limiter."""

    def __init__(
        self, plan: Plan, outcome: str, subscriber: Subscriber, form: PlannedForm, limiter: SynthesisLimiter
    ) -> None:
        super().__init__(plan, outcome, subscriber.created)
        self._subscriber = subscriber
        self._form = form
        self._limiter: SynthesisLimiter | None = limiter

    def chunks(self) -> Iterator[bytes]:
        """Yield the audio as it arrives; raises what the synthesis raises, so only complete audio ends cleanly."""
        try:
            yield from self._chunks()
        finally:
            self.close()

    def finished(self) -> Clip:
        """Return the finished clip; waits for it."""
        if self.clip is not None:
            return self.clip
        try:
            made, live = b"".join(self._chunks()), self._subscriber
            master = self.plan.master(live.received(), live.spec, self.created)
            self.clip = self.plan.clip(live.head + made if live.head else made, master.info)
        finally:
            self.close()
        return self.clip

    def close(self) -> None:
        """Unsubscribe and give the place back; may be called again."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            self._subscriber.close()
            limiter.release()

    def _chunks(self) -> Iterator[bytes]:
        if self._form.is_shared(self._subscriber.spec):
            return self._subscriber
        return self._form.chunks(self._subscriber, self._subscriber.spec, bytearray())


class SpeechService:
    """Answers a plan from the cache, or with one synthesis for all requests at the same time."""

    def __init__(
        self, cache: AudioCache, single_flight: SingleFlight, limiter: SynthesisLimiter, meter: UsageMeter
    ) -> None:
        self._cache = cache
        self._forms = StoredForms(cache)
        self._single_flight = single_flight
        self._limiter = limiter
        self._meter = meter

    def synthesize(
        self, plan: Plan, mode: CacheMode, *, is_client_connected: Callable[[], bool], caller: Caller = UNRESTRICTED
    ) -> SpeechResult:
        """Return the speech of a plan once its first audio is there; `caller` pays for it.

        A waiting request calls `is_client_connected` twice a second. Raises ProviderError and its kinds,
        Overloaded, QuotaExceeded, NotCached, CallerGone.
        """
        if mode in (CacheMode.USE, CacheMode.ONLY) and (cached := self.cached(plan, caller)):
            return cached
        if mode is CacheMode.ONLY:
            raise NotCached("this speech is not cached; send the request without only-if-cached to render it")
        # Only a miss takes a place, so hits are served while many syntheses run.
        self._limiter.acquire()
        form = PlannedForm(plan, None if mode is CacheMode.BYPASS else self._cache)
        try:
            subscriber = self._subscribe(plan, mode, form, is_client_connected, caller)
        except BaseException:
            self._limiter.release()
            raise
        speech = LiveSpeech(plan, _outcome(mode, subscriber), subscriber, form, self._limiter)
        self._count_saved(speech, caller)
        return speech

    def cached(self, plan: Plan, caller: Caller | None) -> SpeechResult | None:
        """Return the speech of a plan if no provider is needed for it; raises ProviderError when it cannot be made.

        It counts as saved for `caller`, None for no caller.
        """
        if (clip := self._forms.get(plan)) is None:
            return None
        speech = SpeechResult(plan, "HIT", clip.info.created, clip)
        if caller is not None:
            self._count_saved(speech, caller)
        return speech

    def is_cached(self, plan: Plan) -> bool:
        """Return whether no provider is needed for the speech of a plan."""
        return self._cache.has(plan.sound)

    def _count_saved(self, speech: SpeechResult, caller: Caller) -> None:
        if speech.outcome in ("HIT", "COALESCED") and is_billed(speech.plan):
            self._meter.save(caller, speech.plan.provider.slug, speech.plan.characters)

    def _subscribe(
        self, plan: Plan, mode: CacheMode, form: PlannedForm, is_client_connected: Callable[[], bool], caller: Caller
    ) -> Subscriber:
        """Return a subscriber that has its first audio."""
        # `no-cache` and `no-store` requests get a unique key, so they never join a running synthesis.
        key = plan.stream_key if mode is CacheMode.USE else f"{plan.sound}-{secrets.token_hex(8)}"
        subscriber = self._single_flight.join(
            key,
            PlannedSynthesis(
                plan,
                self._cache,
                self._meter,
                caller,
                reads_cache=mode is CacheMode.USE,
                is_kept=mode is not CacheMode.BYPASS,
            ),
            form=form,
            deadline=longtext.allowance(plan.provider, plan, plan.request_seconds),
            is_client_connected=is_client_connected,
        )
        try:
            subscriber.wait()
        except BaseException:
            subscriber.close()
            raise
        return subscriber


def _outcome(mode: CacheMode, subscriber: Subscriber) -> str:
    if mode is CacheMode.BYPASS:
        return "BYPASS"
    if subscriber.is_cached:
        return "HIT"
    return "MISS" if subscriber.is_leader else "COALESCED"
