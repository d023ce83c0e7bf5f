"""POST /speak below HTTP: the cache, or one shared synthesis for all who ask at once, then the provider."""

import contextlib
import enum
import itertools
import math
import secrets
import time
from collections.abc import Callable, Iterator

from sayna import audio
from sayna.caller import UNRESTRICTED, Caller
from sayna.errors import NotCached, ProviderError
from sayna.speech import longtext
from sayna.speech.cache import AudioCache
from sayna.speech.forms import PlannedForm, StoredForms
from sayna.speech.machines import Machines
from sayna.speech.plan import MAX_REQUEST_SECONDS, Plan
from sayna.speech.provider_calls import ProviderCalls, is_billed
from sayna.speech.sharing import SharedSynthesis, stored
from sayna.speech.single_flight import SingleFlight, Subscriber, Synthesis, SynthesisTask
from sayna.speech.speech_result import LiveSpeech, SpeechResult, SynthesisLimiter

__all__ = ["CacheMode", "PlannedSynthesis", "SpeechResult", "SpeechService", "SynthesisLimiter"]


class CacheMode(enum.Enum):
    """How a request uses the cache, by its Cache-Control."""

    USE = "use"
    REFRESH = "no-cache"
    BYPASS = "no-store"
    ONLY = "only-if-cached"


class PlannedSynthesis(SynthesisTask):
    """The synthesis of the sound of a plan: provider, plausibility, master. Its deadline starts with it."""

    def __init__(
        self,
        plan: Plan,
        mode: CacheMode,
        cache: AudioCache,
        calls: ProviderCalls,
        caller: Caller,
        *,
        machines: Machines | None = None,
    ) -> None:
        self._plan = plan
        self.mode = mode
        self._cache = cache
        self._calls = calls
        self._caller = caller
        self._request = plan.provider_request()
        self._created = time.time()
        self._spec = plan.target
        self._machines = machines
        self._shared: SharedSynthesis | None = None
        if machines is not None and mode is CacheMode.USE:
            deadline = self._request.deadline
            self._shared = SharedSynthesis(machines, plan, lambda: not deadline.remaining())

    def start(self) -> Synthesis:
        """Return the audio under way with its first chunk made.

        Raises ProviderError and its kinds, QuotaExceeded, StoreUnavailable.
        """
        plan = self._plan
        # Another worker may have stored the clip after this request looked into the cache.
        if self.mode is CacheMode.USE and (clip := self._cache.get(plan.sound)):
            return stored(clip)
        synthesis = self._shared.start(self._render) if self._shared else self._render()
        self._created, self._spec = synthesis.created, synthesis.spec
        return synthesis

    def _render(self) -> Synthesis:
        plan = self._plan
        stream = self._calls.start(plan, self._request, self._caller)
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
        if self.mode is CacheMode.BYPASS:
            return
        try:
            master = self._plan.master(audio, self._spec, self._created)
            self._cache.put(self._plan.sound, master)
            if self._shared is not None:
                self._shared.store(master)
            elif self._machines is not None:
                self._machines.put(self._plan.sound, master, replaces=True)
        finally:
            # Audio that cannot be decoded has no master; otherwise this machine would lead for ever.
            if self._shared is not None:
                self._shared.close()

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
        calls: ProviderCalls,
        machines: Machines | None = None,
    ) -> None:
        self.machines = machines
        self._cache = cache
        self._forms = StoredForms(cache)
        self._single_flight = single_flight
        self._limiter = limiter
        self._calls = calls

    def synthesize(
        self,
        plan: Plan,
        mode: CacheMode,
        *,
        is_client_connected: Callable[[], bool],
        caller: Caller = UNRESTRICTED,
        silence_seconds: float = math.inf,
    ) -> SpeechResult:
        """Return the speech of a plan once its first audio is there; `caller` pays for it.

        A waiting request calls `is_client_connected` twice a second, and gives up a provider that sends nothing for
        `silence_seconds`. Raises ProviderError and its kinds, Overloaded, QuotaExceeded, NotCached, CallerGone.
        """
        if mode is CacheMode.ONLY and self.machines is not None and self._cache.get(plan.sound) is None:
            self.machines.fetch(plan)
        if mode in (CacheMode.USE, CacheMode.ONLY) and (cached := self.cached(plan, caller)):
            return cached
        if mode is CacheMode.ONLY:
            raise NotCached("this speech is not cached; send the request without only-if-cached to render it")
        with contextlib.ExitStack() as held:
            # Only a miss takes a place, so hits are served while many syntheses run.
            held.enter_context(self._limiter.hold())
            task = PlannedSynthesis(plan, mode, self._cache, self._calls, caller, machines=self.machines)
            form = PlannedForm(plan, None if mode is CacheMode.BYPASS else self._cache)
            subscriber = self._subscribe(plan, task, form, is_client_connected, silence_seconds)
            held.callback(subscriber.close)
            subscriber.wait()
            speech = LiveSpeech(plan, _outcome(mode, subscriber), subscriber, form, held.pop_all())
        self._count_saved(speech, caller)
        return speech

    def cached(self, plan: Plan, caller: Caller | None) -> SpeechResult | None:
        """Return the speech of a plan if no provider is needed for it; raises SaynaError when it cannot be made.

        It counts as saved for `caller`, None for no caller.
        """
        if (clip := self._forms.get(plan)) is None:
            return None
        speech = SpeechResult(plan, "HIT", clip.info.created, clip)
        if caller is not None:
            self._count_saved(speech, caller)
        return speech

    def _count_saved(self, speech: SpeechResult, caller: Caller) -> None:
        if speech.outcome in ("HIT", "COALESCED") and is_billed(speech.plan):
            self._calls.meter.save(caller, speech.plan.provider.slug, speech.plan.characters)

    def _subscribe(
        self,
        plan: Plan,
        task: PlannedSynthesis,
        form: PlannedForm,
        is_client_connected: Callable[[], bool],
        silence_seconds: float,
    ) -> Subscriber:
        # `no-cache` and `no-store` requests get a unique key, so they never join a running synthesis.
        key = plan.stream_key if task.mode is CacheMode.USE else f"{plan.sound}-{secrets.token_hex(8)}"
        is_patient = math.isinf(silence_seconds) and plan.request_seconds >= MAX_REQUEST_SECONDS
        subscriber = self._single_flight.join(
            key,
            task,
            form=form,
            deadline=longtext.allowance(plan.provider, plan, plan.request_seconds, plan.pauses),
            is_client_connected=is_client_connected,
            # Frames of other machines are waited for in a loop, which no thread may interrupt.
            is_patient=is_patient and self.machines is None,
        )
        subscriber.silence_seconds = silence_seconds
        return subscriber


def _outcome(mode: CacheMode, subscriber: Subscriber) -> str:
    if mode is CacheMode.BYPASS:
        return "BYPASS"
    if subscriber.is_cached:
        return "HIT"
    return "MISS" if subscriber.is_leader else "COALESCED"


def _plausible(chunks: Iterator[bytes], slug: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except audio.ImplausibleAudio as error:
        raise ProviderError(f"{slug} sent bytes that are not the requested audio") from error
