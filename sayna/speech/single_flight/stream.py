"""One rendering as one process sees it: the audio so far, how it stands, and how many listen."""

import enum
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Rendering:
    """Audio on its way: `header` (JSON-able) says what it is, and `chunks` may raise a SaynaError.

    `close` frees the vendor; `finish` is given the whole audio once it has arrived, and stores it.
    """

    header: Mapping[str, Any]
    chunks: Iterator[bytes]
    close: Callable[[], None] = field(default=lambda: None)
    finish: Callable[[bytes], None] = field(default=lambda audio: None)


class State(enum.Enum):
    """How a flight stands: RUNNING, or WHOLE but not yet stored, or at its end."""

    RUNNING = enum.auto()
    WHOLE = enum.auto()
    COMPLETE = enum.auto()
    FAILED = enum.auto()
    LOST = enum.auto()


class SharedStream:
    """What the pump has received, to be read by any number of listeners at their own pace."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.state = State.RUNNING
        self.header: Mapping[str, Any] | None = None
        self.chunks: list[bytes] = []
        self.error = b""
        self.launched = False
        self.on_abandoned: Callable[[], None] = lambda: None
        self._listeners = 0
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """Count one more listener, unless nothing is to be had here any more."""
        with self._changed:
            if self.state in (State.FAILED, State.LOST):
                return False
            self._listeners += 1
            return True

    def leave(self) -> None:
        """Count one listener less; when the last one leaves, `deserted` is called."""
        with self._changed:
            self._listeners -= 1
            is_deserted = not self._listeners and self.state is State.RUNNING
        if is_deserted:
            self.on_abandoned()

    def open(self, header: Mapping[str, Any]) -> None:
        """Say what the audio is."""
        with self._changed:
            self.header = header
            self._changed.notify_all()

    def append(self, chunk: bytes) -> None:
        """Hand the chunk to all listeners."""
        with self._changed:
            self.chunks.append(chunk)
            self._changed.notify_all()

    def end(self, state: State, error: bytes = b"") -> None:
        """Let the listeners know that nothing will follow, and why; what is lost stays lost."""
        with self._changed:
            if self.state is not State.LOST:
                self.state, self.error = state, error
                self._changed.notify_all()

    def abandon(self) -> None:
        """End as lost whatever has not ended otherwise, so that no listener waits for nothing."""
        with self._changed:
            if self.state in (State.RUNNING, State.WHOLE):
                self.state = State.LOST if self.state is State.RUNNING else State.COMPLETE
                self._changed.notify_all()

    def cancel_if_unused(self, has_followers: Callable[[], bool]) -> bool:
        """End the flight as lost when nobody listens here and, as `followed` says, nowhere else."""
        if self._listeners:
            return False
        with self._changed:
            if self.state is State.RUNNING and not (self._listeners or has_followers()):
                self.state = State.LOST
            return self.state is State.LOST

    def wait_for_header(self, seconds: float) -> bool:
        """Wait until the header is known or will never be; return False when the seconds are over."""
        with self._changed:
            return self._wait(lambda: self.header is not None, seconds)

    def wait_for_chunk(self, index: int, seconds: float) -> bool:
        """Wait until there is a chunk with this index or never will be; return False when time is over."""
        if index < len(self.chunks):
            return True
        with self._changed:
            return self._wait(lambda: index < len(self.chunks), seconds)

    def wait_until_stored(self, seconds: float) -> None:
        """Wait a little, so that whoever has heard all and asks again finds it stored."""
        with self._changed:
            self._changed.wait_for(lambda: self.state is not State.WHOLE, seconds)

    def _wait(self, arrived: Callable[[], bool], seconds: float) -> bool:
        return self._changed.wait_for(lambda: arrived() or self.state is not State.RUNNING, seconds)
