"""One answer of the speech service: a finished clip, or audio that is still being made."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence

from sayna.errors import Overloaded
from sayna.speech.cache import Clip, ClipInfo
from sayna.speech.forms import PlannedForm
from sayna.speech.plan import Plan
from sayna.speech.single_flight import Subscriber


class SynthesisLimiter:
    """Limits how many requests of a process wait for a synthesis, so that cached audio never queues behind them."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a place; raises Overloaded when all are taken."""
        # Refuse instead of queueing: a waiting request holds a thread that cached speech and health need.
        if not self._places.acquire(blocking=False):
            raise Overloaded("this server renders as much speech as it can; try again", retry_after=1)
        try:
            yield
        finally:
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
        # The providers of earlier targets, which did not speak.
        self.fallback: tuple[str, ...] = ()
        # Gets the error of audio that is still being made, or None at its end.
        # Only a voice with several targets observes its providers.
        self.observe: Callable[[Exception | None], None] = lambda _error: None

    @property
    def etag(self) -> str:
        """The cache key and the take: the same key synthesized anew is another take."""
        return f'"{self.plan.key}-{take_of(self.created)}"'

    @property
    def info(self) -> ClipInfo:
        """The metadata of the audio; its duration is 0 until the clip is finished."""
        return self.clip.info if self.clip else self.plan.describe(created=self.created)

    def chunks(self) -> Iterator[bytes]:
        """Yield the audio; raises what the synthesis raises, so only complete audio ends cleanly."""
        yield self.finished().audio

    def finished(self) -> Clip:
        """Return the finished clip; waits for it."""
        assert self.clip is not None, "only live speech may have no clip yet"
        return self.clip

    def close(self) -> None:
        """Free what the answer holds; may be called again."""


class LiveSpeech(SpeechResult):
    """An answer whose audio is still being made; `held` has its subscription and its place in the limiter."""

    def __init__(
        self, plan: Plan, outcome: str, subscriber: Subscriber, form: PlannedForm, held: contextlib.ExitStack
    ) -> None:
        super().__init__(plan, outcome, subscriber.created)
        self._subscriber = subscriber
        self._form = form
        # What a clip is made of beside the chunks: the head of a whole file, and what the provider sent.
        self._head = b""
        self._received: Sequence[bytes] = ()
        self._held = held

    def chunks(self) -> Iterator[bytes]:
        """Yield the audio as it arrives; raises what the synthesis raises, so only complete audio ends cleanly."""
        if self.clip is not None:
            yield self.clip.audio
            return
        live, is_shared = self._subscriber, self._form.is_shared(self._subscriber.spec)
        try:
            yield from live if is_shared else self._form.chunks(live, live.spec, bytearray())
            self._head, self._received = live.head, live.received
            self.observe(None)
        except Exception as error:
            self.observe(error)
            raise
        finally:
            self.close()

    def finished(self) -> Clip:
        """Return the finished clip; waits for it."""
        if self.clip is None:
            made = b"".join(self.chunks())
            master = self.plan.master(b"".join(self._received), self._subscriber.spec, self.created)
            self.clip = self.plan.clip(self._head + made if self._head else made, master.info)
        return self.clip

    def close(self) -> None:
        """Unsubscribe and give the place back; may be called again."""
        self._held.close()

    def end_silence_limit(self) -> None:
        """Let the provider pause for as long as its deadline allows from now on."""
        self._subscriber.silence_seconds = math.inf


def take_of(created: float) -> str:
    """Return the take in the ETag of a clip that was synthesized at `created`, in epoch seconds."""
    return f"{round(created * 1e6):x}"
