"""Circuit breakers that all workers share: one failure opens a breaker, and one call at a time tries what is unknown.

The table is in shared memory that was made before the fork. The kernel frees its lock when a worker dies.
"""

import contextlib
import fcntl
import mmap
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator

# The first period, in seconds; it doubles with each failure of a probe. An answer counts for as long.
OPEN_SECONDS = 5.0
MAX_OPEN_SECONDS = 60.0
POLL_SECONDS = 0.005
# Failures in a row; the end of the period, or of the time that a trial may take; the time of the last answer.
FAILURES, UNTIL, ANSWERED = range(3)
WORDS = 3


class SharedBreaker:
    """One breaker in each row: after a failure it admits no call for a period, then one, the probe, on all workers."""

    def __init__(self, rows: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._descriptor = os.memfd_create("breaker")
        os.ftruncate(self._descriptor, 8 * WORDS * rows)
        self._memory = mmap.mmap(self._descriptor, 8 * WORDS * rows)
        self._table = memoryview(self._memory).cast("d", (rows, WORDS))
        weakref.finalize(self, os.close, self._descriptor)

    def has_failed(self, row: int) -> bool:
        """Return whether the last call failed."""
        return bool(self._table[row, FAILURES])

    def is_known(self, row: int) -> bool:
        """Return whether a call was answered lately and none has failed since, so that any number may be made."""
        return not self.has_failed(row) and self._clock() - self._table[row, ANSWERED] < OPEN_SECONDS

    def claim(self, row: int) -> bool:
        """Return whether a call may be made: when none has failed, and as the one probe when a period has ended."""
        return not self.has_failed(row) or bool(self._decide(row))

    def try_first(self, row: int, seconds: float) -> bool:
        """Return whether a call may be made, as claim() does.

        While it is unknown whether a call would be answered, one makes it, and others wait for its answer, at most
        `seconds`.
        """
        until = self._clock() + seconds
        while not self.is_known(row):
            decision = self._decide(row)
            if decision is not None:
                return decision
            if self._clock() >= until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def withdraw(self, row: int) -> None:
        """Let another call be the first; this one has ended without an answer that says anything."""
        if not self.has_failed(row):
            self._table[row, UNTIL] = 0

    def answered(self, row: int) -> None:
        """Let waiting calls be made, because the first one is answered; a breaker stays open until one succeeds."""
        self._table[row, ANSWERED] = self._clock()
        self.withdraw(row)

    def failed(self, row: int, *, is_probe: bool, seconds: float | None = None) -> None:
        """Open the breaker for `seconds`, by default for longer after each probe that failed."""
        with self._locked():
            failures = self._table[row, FAILURES]
            # Calls that began before the first failure say nothing new.
            if not failures or is_probe:
                self._table[row, FAILURES] = failures + 1
                self._table[row, UNTIL] = self._clock() + (seconds or _period(failures + 1))

    def succeeded(self, row: int) -> None:
        """Close the breaker."""
        self._table[row, FAILURES] = 0
        self.answered(row)

    def _decide(self, row: int) -> bool | None:
        """Return whether to make a call now, None while another call tries."""
        with self._locked():
            now, failures = self._clock(), self._table[row, FAILURES]
            if now < self._table[row, UNTIL]:
                return False if failures else None
            # A call that never returns is followed by another.
            self._table[row, UNTIL] = now + _period(failures)
            return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # A record lock keeps processes apart, but not the threads of one.
        with self._turn:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


def _period(failures: float) -> float:
    return min(MAX_OPEN_SECONDS, OPEN_SECONDS * 2 ** max(0, min(failures - 1, 10)))
