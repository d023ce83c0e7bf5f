"""One circuit breaker for each name, shared by all workers: a single failure opens it.

The table is in shared memory that was made before the fork. The kernel frees its lock when a worker dies.
"""

import contextlib
import fcntl
import mmap
import os
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator

# The first period, in seconds; it doubles with each failure of a probe.
OPEN_SECONDS = 5.0
MAX_OPEN_SECONDS = 60.0
ENTRIES = 512
# Fingerprint of the name, failures in a row, the end of the period on the monotonic clock.
WORDS = 3


class SharedBreaker:
    """Says which names to call: after a failure none for a period, then one call, the probe, on all workers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._descriptor = os.memfd_create("breaker")
        os.ftruncate(self._descriptor, 8 * WORDS * ENTRIES)
        self._memory = mmap.mmap(self._descriptor, 8 * WORDS * ENTRIES)
        self._table = memoryview(self._memory).cast("d")
        weakref.finalize(self, os.close, self._descriptor)

    def is_closed(self, name: str) -> bool:
        """Return whether the last call succeeded, so that any number may be made."""
        return not self._failures(*_place(name))

    def claim(self, name: str) -> bool:
        """Return whether a call may be made: when closed, and as the one probe when a period has ended."""
        entry, fingerprint = _place(name)
        if not self._failures(entry, fingerprint):
            return True
        with self._locked():
            now, failures = self._clock(), self._failures(entry, fingerprint)
            if failures and now < self._table[entry + 2]:
                return False
            # A probe that never returns is followed by another.
            if failures:
                self._table[entry + 2] = now + _period(failures)
            return True

    def failed(self, name: str, *, is_probe: bool, seconds: float | None = None) -> None:
        """Open the breaker for `seconds`, by default for longer after each probe that failed."""
        entry, fingerprint = _place(name)
        with self._locked():
            failures = self._failures(entry, fingerprint)
            # Calls that began before the first failure say nothing new.
            if failures and not is_probe:
                return
            self._table[entry] = fingerprint
            self._table[entry + 1] = failures + 1
            self._table[entry + 2] = self._clock() + (seconds or _period(failures + 1))

    def succeeded(self, name: str) -> None:
        """Close the breaker."""
        entry, fingerprint = _place(name)
        if self._failures(entry, fingerprint):
            with self._locked():
                self._table[entry + 1] = 0

    def _failures(self, entry: int, fingerprint: int) -> float:
        # Another name in the same place: its breaker is forgotten once this one fails.
        return self._table[entry + 1] if self._table[entry] == fingerprint else 0

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # A record lock keeps processes apart, but not the threads of one.
        with self._turn:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


def _place(name: str) -> tuple[int, int]:
    # Python's hash() differs between processes.
    fingerprint = zlib.crc32(name.encode())
    return fingerprint % ENTRIES * WORDS, fingerprint


def _period(failures: float) -> float:
    return min(MAX_OPEN_SECONDS, OPEN_SECONDS * 2 ** min(failures - 1, 10))
