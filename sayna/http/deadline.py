"""The moment by which everything must be over."""

import time
from collections.abc import Callable
from weakref import WeakMethod


class Deadline:
    """A moment on the monotonic clock by which all must be done; it can be brought forward to now."""

    __slots__ = ("__weakref__", "_wakers", "at", "cancelled")

    def __init__(self, at: float) -> None:
        # Monotonic: a clock that is set must neither end nor prolong a call.
        self.at = at
        self.cancelled = False
        self._wakers: list[WeakMethod[Callable[[], None]]] = []

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the moment `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return 0.0 if self.cancelled else max(0.0, self.at - time.monotonic())

    def left(self) -> float:
        """Return the seconds left; raises TimeoutError when there are none."""
        if not (seconds := self.remaining()):
            raise TimeoutError("the deadline is over")
        return seconds

    def when_cancelled(self, wake: Callable[[], None]) -> None:
        """Have the method `wake` called, from any thread, when no time is left; at once if none is.

        Its object is not kept alive: a socket in the pool remembers its last deadline, and through a reply
        that deadline would hold the pool itself, for ever.
        """
        self._wakers.append(WeakMethod(wake))
        if self.cancelled:
            wake()

    def cancel(self) -> None:
        """Let no time be left, and wake those who wait."""
        self.cancelled = True
        for waker in self._wakers:
            if (wake := waker()) is not None:
                wake()


class IdleTimeout(Deadline):
    """A limit to each pause of the peer instead of to the whole exchange: for large downloads."""

    __slots__ = ()

    @classmethod
    def after(cls, seconds: float) -> "IdleTimeout":
        """Return a patience with pauses of at most this many seconds."""
        return cls(seconds)

    def remaining(self) -> float:
        """Return the seconds of a pause."""
        return 0.0 if self.cancelled else self.at
