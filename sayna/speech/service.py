"""POST /speak below HTTP: cache, or one flight for all who ask at once, then vendor and conversion."""

import enum
import functools
import itertools
import secrets
import time
from collections.abc import Callable, Iterator

from sayna import audio
from sayna.errors import NotCached, ProviderError
from sayna.providers.base import SpeechRequest
from sayna.speech import longtext
from sayna.speech.cache import AudioCache, Clip, ClipInfo
from sayna.speech.gate import SynthesisLimiter
from sayna.speech.plan import Plan
from sayna.speech.single_flight import Rendering, SingleFlight, Subscriber


class CacheMode(enum.Enum):
    """What the caller's Cache-Control asks of the cache."""

    USE = "use"
    REFRESH = "no-cache"
    BYPASS = "no-store"
    ONLY = "only-if-cached"


class SpeechResult:
    """One answer: either a clip that is whole already, or audio that is still being made."""

    def __init__(self, plan: Plan, outcome: str, source: Clip | Subscriber, release: Callable[[], None]) -> None:
        self.plan = plan
        self.outcome = outcome
        self.clip = source if isinstance(source, Clip) else None
        self._listener = source if isinstance(source, Subscriber) else None
        self._leave: Callable[[], None] | None = release

    def pieces(self) -> Iterator[bytes]:
        """Yield the audio as it comes; raises when it breaks off: no end is clean but the true one."""
        if self._listener is None:
            yield self.audio()
            return
        try:
            yield from self._listener
        finally:
            self.close()

    def audio(self) -> bytes:
        """Return the audio when it is whole; waits for it."""
        return self.clip.audio if self.clip else b"".join(self.pieces())

    def whole(self) -> Clip:
        """Return the finished clip with all that is known of it; waits for it."""
        if self.clip is None:
            self.clip = _clip(self.plan, self.audio())
        return self.clip

    def close(self) -> None:
        """Free what the answer holds: the flight, and the place in the gate; may be called again."""
        release, self._leave = self._leave, None
        if release is not None:
            if self._listener is not None:
                self._listener.close()
            release()


class SpeechService:
    """The only orchestration: everything else here knows nothing of its neighbours."""

    def __init__(self, cache: AudioCache, flights: SingleFlight, gate: SynthesisLimiter) -> None:
        self._cache = cache
        self._flights = flights
        self._gate = gate

    def synthesize(self, plan: Plan, mode: CacheMode, *, alive: Callable[[], bool]) -> SpeechResult:
        """Return the speech of a plan once its first audio is there.

        `alive` tells whether the caller still listens. Raises ProviderError and its kinds, Overloaded,
        NotCached, CallerGone.
        """
        if mode in (CacheMode.USE, CacheMode.ONLY) and (clip := self._cache.get(plan.key)):
            return SpeechResult(plan, "HIT", clip, _nothing)
        if mode is CacheMode.ONLY:
            raise NotCached("this speech is not cached; ask without only-if-cached to have it rendered")
        # Only here: what is cached takes no place, however much is being rendered.
        self._gate.acquire()
        try:
            return self._run(plan, mode, alive)
        except BaseException:
            self._gate.release()
            raise

    def _run(self, plan: Plan, mode: CacheMode, alive: Callable[[], bool]) -> SpeechResult:
        shared = mode is CacheMode.USE
        request = plan.request()
        listener = self._flights.join(
            # Whoever wants a new rendering, or none that is kept, must not land in one
            # that has begun already.
            plan.flight if shared else f"{plan.key}-{secrets.token_hex(8)}",
            functools.partial(self._render, plan, request, store=mode is not CacheMode.BYPASS),
            recheck=functools.partial(self._recheck, plan.key) if shared else _nothing,
            deadline=longtext.allowance(plan.provider, plan, plan.request_seconds),
            alive=alive,
            cancel=request.deadline.cancel,
        )
        try:
            _ = listener.header
        except BaseException:
            listener.close()
            raise
        outcome = "BYPASS" if mode is CacheMode.BYPASS else "MISS" if listener.is_leader else "COALESCED"
        return SpeechResult(plan, outcome, listener, self._gate.release)

    def _recheck(self, key: str) -> Rendering | None:
        """Return what another worker stored between our look into the cache and our flight."""
        clip = self._cache.get(key)
        return Rendering(header={}, chunks=iter((clip.audio,))) if clip else None

    def _render(self, plan: Plan, request: SpeechRequest, *, store: bool) -> Rendering:
        stream = longtext.synthesize(plan.provider, request, plan.request_seconds)
        try:
            pieces = _plausible(
                audio.convert(audio.checked(stream.chunks, stream.spec), stream.spec, plan.target), plan
            )
            first = next(pieces, b"")
        except BaseException:
            stream.close()
            raise
        finish = functools.partial(self._store, plan) if store else _ignore
        return Rendering(header={}, chunks=itertools.chain((first,), pieces), close=stream.close, finish=finish)

    def _store(self, plan: Plan, whole: bytes) -> None:
        self._cache.put(plan.key, _clip(plan, whole))


def _clip(plan: Plan, whole: bytes) -> Clip:
    info = ClipInfo(
        provider=plan.provider.slug,
        voice_id=plan.voice_id,
        model=plan.model,
        language=plan.language,
        audio_format=plan.target.audio_format,
        sample_rate=plan.target.sample_rate,
        channels=plan.target.channels,
        duration_ms=audio.duration_ms(whole, plan.target),
        characters=plan.characters,
        speaking_rate=plan.speaking_rate,
        created=time.time(),
    )
    return Clip(info, whole)


def _plausible(pieces: Iterator[bytes], plan: Plan) -> Iterator[bytes]:
    try:
        yield from pieces
    except audio.ImplausibleAudio as error:
        raise ProviderError(f"{plan.provider.slug} sent something that is not the audio asked for") from error


def _nothing() -> None:
    return None


def _ignore(whole: bytes) -> None:
    return None
