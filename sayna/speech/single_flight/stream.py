"""One synthesis as one process sees it: its audio so far, its state, and the number of subscribers."""

import enum
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sayna.errors import SaynaError
from sayna.speech.single_flight.task import UNKNOWN

if TYPE_CHECKING:
    from sayna.speech.single_flight.drive import Drive
    from sayna.speech.single_flight.subscriber import Subscriber

# How long the end of a response waits until its audio is stored, so that the next request finds it. Minutes of audio
# take longer than 0.2 s on a busy machine.
STORE_SECONDS = 1.0
# How often a waiting thread checks that its client is connected: the kernel reports a hang-up only when asked.
CONNECTION_CHECK_SECONDS = 0.5


class State(enum.Enum):
    """RUNNING; WHOLE: complete but not stored yet; or an end: COMPLETE, FAILED, LOST."""

    RUNNING = enum.auto()
    WHOLE = enum.auto()
    COMPLETE = enum.auto()
    FAILED = enum.auto()
    LOST = enum.auto()


class StreamLost(Exception):
    """A stream has ended before its audio was whole."""


class SharedStream:
    """The audio that a producer has received; any number of subscribers read it, each at its own pace.

    `owner` gives the subscriber whose task makes the audio, by a weak reference because it refers to its stream.
    `is_new` says that this process called a provider for it, `is_cached` that no process did. `created` is the
    time of the take in epoch seconds, the same in all processes. `spec` is what the chunks are, known with the first
    one. A `form` is the same audio in a coded format, made once for all its subscribers in this process.
    """

    def __init__(self, owner: "Callable[[], Subscriber | None]") -> None:
        self.spec = UNKNOWN
        self.head = bytearray()
        self.owner = owner
        self.state = State.RUNNING
        self.chunks: list[bytes] = []
        self.error = b""
        # An error for the owner alone; the other subscribers find the stream lost.
        self.refusal: SaynaError | None = None
        self.is_new = False
        self.is_cached = False
        self.created = time.time()
        self.on_abandoned: Callable[[], None] = lambda: None
        # Who moves the audio; a form has a thread of its own.
        self.drive: Drive | None = None
        self._subscribers = self._waiting = 0
        self._forms: dict[str, SharedStream] = {}
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """Count one more subscriber; return False when the stream has failed or is lost."""
        with self._changed:
            if self.state in (State.FAILED, State.LOST):
                return False
            self._subscribers += 1
            return True

    def leave(self) -> None:
        """Count one subscriber less; the last one to leave calls `on_abandoned`."""
        with self._changed:
            self._subscribers -= 1
            is_abandoned = not self._subscribers and self.state is State.RUNNING
        if is_abandoned:
            self.on_abandoned()

    def form(self, name: str) -> tuple["SharedStream", bool]:
        """Return the stream of a form, and whether it is new, so that its caller must see to its chunks."""
        with self._changed:
            is_missing = name not in self._forms or self._forms[name].state is State.LOST
            if is_missing:
                self._forms[name] = SharedStream(self.owner)
            return self._forms[name], is_missing

    def read(self) -> Iterator[bytes]:
        """Yield the chunks as they arrive without subscribing; raises StreamLost when the audio does not get whole."""
        for index in itertools.count():
            self.wait_for_chunk(index)
            if self.state in (State.FAILED, State.LOST):
                raise StreamLost
            if index == len(self.chunks):
                return
            yield self.chunks[index]

    def append(self, chunk: bytes) -> None:
        """Give the chunk to all subscribers."""
        self.chunks.append(chunk)
        self.wake()

    def wake(self) -> None:
        """Wake the subscribers that wait for a chunk; one that begins to wait now finds the chunk itself."""
        if self._waiting:
            with self._changed:
                self._changed.notify_all()

    def end(self, state: State, error: bytes = b"") -> None:
        """Tell the subscribers that no chunk follows, and why; a lost stream stays lost."""
        with self._changed:
            if self.state is not State.LOST:
                self.state, self.error = state, error
                self._changed.notify_all()

    def abandon(self) -> None:
        """End the stream unless it has ended, so that no subscriber waits for ever; nothing cancels it from now on."""
        with self._changed:
            if self.state in (State.RUNNING, State.WHOLE):
                self.state = State.LOST if self.state is State.RUNNING else State.COMPLETE
                self._changed.notify_all()
        # Both refer to this stream: without this line, the audio would wait for the garbage collector.
        self.on_abandoned, self.drive = lambda: None, None

    def cancel_if_unused(self, has_followers: Callable[[], bool]) -> bool:
        """End the stream as lost when it has neither a subscriber nor a follower; return whether it is lost."""
        if self._subscribers:
            return False
        with self._changed:
            if self.state is State.RUNNING and not (self._subscribers or has_followers()):
                self.state = State.LOST
                # A form reads the stream without subscribing.
                self._changed.notify_all()
            return self.state is State.LOST

    def wait_for_chunk(self, index: int, seconds: float | None = None) -> bool:
        """Wait until the chunk with this index exists or the stream ends; return False after `seconds`."""
        if index < len(self.chunks):
            return True
        with self._changed:
            self._waiting += 1
            done = self._changed.wait_for(lambda: index < len(self.chunks) or self.state is not State.RUNNING, seconds)
            self._waiting -= 1
            return done

    def wait_while(self, *states: State, seconds: float | None = None) -> None:
        """Wait until the stream has none of these states, or for `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self.state not in states, seconds)
