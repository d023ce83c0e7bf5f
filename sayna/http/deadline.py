"""The moment by which a whole exchange must be over."""

import time
from collections.abc import Callable
from weakref import WeakMethod


class Deadline:
    """A moment on the monotonic clock by which all work must be done; cancel() ends it at once."""

    __slots__ = ("__weakref__", "_wakers", "at", "cancelled")

    def __init__(self, at: float) -> None:
        # Monotonic, because setting the system clock must neither end nor prolong a call.
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
        """Call the method `wake` when cancel() is called, from its thread; at once if it was called before.

        The object of `wake` is held by a weak reference. A pooled socket keeps its last deadline; with a strong
        reference that deadline would keep the response, and so the pool itself, alive.
        """
        self._wakers.append(WeakMethod(wake))
        if self.cancelled:
            wake()

    def cancel(self) -> None:
        """End the deadline now and wake the threads that wait for the peer."""
        self.cancelled = True
        for waker in self._wakers:
            if (wake := waker()) is not None:
                wake()


class IdleTimeout(Deadline):
    """A limit on each pause of the peer instead of on the whole exchange, for large downloads."""

    __slots__ = ()

    @classmethod
    def after(cls, seconds: float) -> "IdleTimeout":
        """Return a limit of `seconds` on each pause."""
        return cls(seconds)

    def remaining(self) -> float:
        """Return the seconds that the next pause may last."""
        return 0.0 if self.cancelled else self.at
