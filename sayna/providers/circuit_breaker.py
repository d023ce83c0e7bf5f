"""Failing fast while a vendor keeps failing, so that no thread waits for what will not come."""

import threading
import time
from collections.abc import Callable

# In a row, and only the vendor's own: one odd text or one impatient caller must not silence it for all.
FAILURES = 20
OPEN_SECONDS = 5.0


class CircuitBreaker:
    """Counts failures in a row: after 20 a vendor is left alone for 5 seconds, then tried by one call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Return 0 when a call may go out now, else the seconds until one may."""
        with self._lock:
            now = self._clock()
            if self._failures < FAILURES:
                return 0.0
            if now < self._rests_until:
                return self._rests_until - now
            # This call is the probe; a probe that never comes back only costs another rest.
            self._rests_until = now + OPEN_SECONDS
            return 0.0

    def failed(self) -> None:
        """Count a failure that is the vendor's own."""
        with self._lock:
            self._failures += 1
            # Once: calls that are under way by now may fail later, and would prolong the rest.
            if self._failures == FAILURES:
                self._rests_until = self._clock() + OPEN_SECONDS

    def succeeded(self) -> None:
        """Begin to count anew: the vendor is there."""
        with self._lock:
            self._failures = 0
