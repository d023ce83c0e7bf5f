"""POST /speak below HTTP: the cache, or one shared synthesis for all who ask at once, then the provider."""

import enum
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from sayna import audio
from sayna.errors import NotCached, Overloaded, ProviderError
from sayna.http import Deadline
from sayna.speech import longtext
from sayna.speech.cache import AudioCache, Clip, ClipInfo
from sayna.speech.forms import PlannedForm, StoredForms
from sayna.speech.plan import Plan
from sayna.speech.sharing import Machines, SharedSynthesis
from sayna.speech.single_flight import SingleFlight, Subscriber, Synthesis, SynthesisTask


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


class PlannedSynthesis(SynthesisTask):
    """The synthesis of the sound of a plan: provider, plausibility, master. Its deadline starts with it."""

    def __init__(self, plan: Plan, mode: CacheMode, cache: AudioCache, machines: Machines | None) -> None:
        self._plan = plan
        self._mode = mode
        self._cache = cache
        self._request = plan.provider_request()
        self._created = time.time()
        self._spec = plan.target
        self._machines = machines
        self._shared: SharedSynthesis | None = None
        if machines is not None and mode is CacheMode.USE:
            is_over = partial(_is_over, self._request.deadline)
            self._shared = SharedSynthesis(machines, plan.sound, plan.stream_key, is_over)

    def start(self) -> Synthesis:
        """Return the audio under way with its first chunk made; raises ProviderError and its kinds."""
        plan = self._plan
        # Another worker may have stored the clip after this request looked into the cache.
        if self._mode is CacheMode.USE and (clip := self._cache.get(plan.sound)):
            return Synthesis(iter((clip.audio,)), is_cached=True, created=clip.info.created, spec=clip.info.spec)
        synthesis = self._shared.start(self._render) if self._shared else self._render()
        self._created, self._spec = synthesis.created, synthesis.spec
        return synthesis

    def _render(self) -> Synthesis:
        plan = self._plan
        stream = longtext.synthesize(plan.provider, self._request, plan.request_seconds)
        spec = audio.master_of(stream.spec)
        try:
            chunks = audio.convert(audio.checked(stream.chunks, stream.spec), stream.spec, spec)
            chunks = _plausible(chunks, plan.provider.slug)
            first = next(chunks, b"")
        except BaseException:
            stream.close()
            raise
        return Synthesis(itertools.chain((first,), chunks), stream.close, created=self._created, spec=spec)

    def cancel(self) -> None:
        """Cancel the deadline, which ends every wait for the provider."""
        self._request.deadline.cancel()

    def store(self, audio: bytes) -> None:
        """Store the master, unless the request said no-store."""
        if self._mode is CacheMode.BYPASS:
            return
        master = self._plan.master(audio, self._spec, self._created)
        self._cache.put(self._plan.sound, master)
        if self._shared is not None:
            self._shared.store(master)
        elif self._machines is not None:
            self._machines.put(self._plan.sound, master, replaces=True)

    def has_followers(self) -> bool:
        """Return whether another machine reads the audio."""
        return self._shared is not None and self._shared.has_followers()


class SpeechService:
    """Answers a plan from the cache, or with one synthesis for all requests at the same time."""

    def __init__(
        self,
        cache: AudioCache,
        single_flight: SingleFlight,
        limiter: SynthesisLimiter,
        machines: Machines | None = None,
    ) -> None:
        self._machines = machines
        self._cache = cache
        self._forms = StoredForms(cache)
        self._single_flight = single_flight
        self._limiter = limiter

    def synthesize(self, plan: Plan, mode: CacheMode, *, is_client_connected: Callable[[], bool]) -> SpeechResult:
        """Return the speech of a plan once its first audio is there.

        A waiting request calls `is_client_connected` twice a second. Raises ProviderError and its kinds,
        Overloaded, NotCached, CallerGone.
        """
        if mode in (CacheMode.USE, CacheMode.ONLY) and (speech := self.cached(plan)):
            return speech
        if mode is CacheMode.ONLY:
            if self._machines is not None and self._machines.fetch(plan.sound) and (speech := self.cached(plan)):
                return speech
            raise NotCached("this speech is not cached; send the request without only-if-cached to render it")
        # Only a miss takes a place, so hits are served while many syntheses run.
        self._limiter.acquire()
        form = PlannedForm(plan, None if mode is CacheMode.BYPASS else self._cache)
        try:
            subscriber = self._subscribe(plan, mode, form, is_client_connected)
        except BaseException:
            self._limiter.release()
            raise
        return LiveSpeech(plan, _outcome(mode, subscriber), subscriber, form, self._limiter)

    def cached(self, plan: Plan) -> SpeechResult | None:
        """Return the speech of a plan if no provider is needed for it; raises ProviderError when it cannot be made."""
        clip = self._forms.get(plan)
        return SpeechResult(plan, "HIT", clip.info.created, clip) if clip else None

    def is_cached(self, plan: Plan) -> bool:
        """Return whether no provider is needed for the speech of a plan."""
        return self._cache.has(plan.sound)

    def _subscribe(
        self, plan: Plan, mode: CacheMode, form: PlannedForm, is_client_connected: Callable[[], bool]
    ) -> Subscriber:
        """Return a subscriber that has its first audio."""
        # `no-cache` and `no-store` requests get a unique key, so they never join a running synthesis.
        key = plan.stream_key if mode is CacheMode.USE else f"{plan.sound}-{secrets.token_hex(8)}"
        subscriber = self._single_flight.join(
            key,
            PlannedSynthesis(plan, mode, self._cache, self._machines),
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


def _is_over(deadline: Deadline) -> bool:
    return not deadline.remaining()


def _plausible(chunks: Iterator[bytes], slug: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except audio.ImplausibleAudio as error:
        raise ProviderError(f"{slug} sent bytes that are not the requested audio") from error
