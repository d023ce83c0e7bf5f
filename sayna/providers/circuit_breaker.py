"""Failing fast while a vendor keeps failing, so that no thread waits for it."""

import threading
import time
from collections.abc import Callable

# In a row, and only failures of the vendor: one odd text or one short timeout must not open the circuit.
FAILURES = 20
OPEN_SECONDS = 5.0


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
