"""Notes of a worker about a vendor: its failures in a row, and its last refusals."""

import threading
import time
from collections.abc import Callable

# In a row, and only failures of the vendor: one odd text or one short timeout must not open the circuit.
FAILURES = 20
OPEN_SECONDS = 5.0
# Short, because a server that is not ready for want of a key gets no request that could show that the key works again.
NOTE_SECONDS = 60.0


class CircuitBreaker:
    """Counts failures in a row: after 20 the circuit is open for OPEN_SECONDS, then one call tries the vendor."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._lock = threading.Lock()

    def retry_in(self) -> float:
        """Return 0 when a call may go out now, else the seconds until one may."""
        with self._lock:
            now = self._clock()
            if self._failures < FAILURES:
                return 0.0
            if now < self._open_until:
                return self._open_until - now
            # This call is the probe; if it never returns, the circuit stays open for another OPEN_SECONDS.
            self._open_until = now + OPEN_SECONDS
            return 0.0

    def failed(self) -> None:
        """Count a failure of the vendor."""
        with self._lock:
            self._failures += 1
            # Set once: running calls that fail later must not keep the circuit open for longer.
            if self._failures == FAILURES:
                self._open_until = self._clock() + OPEN_SECONDS

    def succeeded(self) -> None:
        """Reset the count, because the vendor has answered."""
        with self._lock:
            self._failures = 0


class RefusalNote:
    """Notes a refusal for some seconds; a success ends it at once. Each worker process has its own notes."""

    def __init__(self, seconds: float = NOTE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = 0.0

    @property
    def is_recent(self) -> bool:
        """Whether the vendor refused it the last time, and lately."""
        return self._clock() < self._until

    def note(self) -> bool:
        """Note a refusal; return whether it is news."""
        is_news = not self.is_recent
        self._until = self._clock() + self._seconds
        return is_news

    def clear(self) -> None:
        """Forget the refusal, because the vendor has accepted it."""
        self._until = 0.0
