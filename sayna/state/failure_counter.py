"""How many wrong tokens an address may try, counted over all workers.

The counts are in shared memory that was made before the fork: no disk, no cleaning, and a fixed size. There
is no lock, so a worker that dies cannot block another. Of two failures at the same instant, one may not count.
"""

import hashlib
import mmap
import secrets
import time

from sayna.errors import TooManyFailures

MINUTE = 60
SETS = 2048
ASSOCIATIVITY = 4
WORD_BYTES = 4


class FailureLimiter:
    """The times of each address's last failures; a full set forgets the address that failed longest ago.

    An entry is a fingerprint, and as many times as failures are allowed.
    """

    def __init__(self, per_minute: int) -> None:
        self._size = 1 + per_minute
        # The first word is the time of the last failure of all addresses.
        self._memory = mmap.mmap(-1, WORD_BYTES * (1 + SETS * ASSOCIATIVITY * self._size))
        self._words = memoryview(self._memory).cast("I")
        # Random salt: if it were known, an attacker could pick addresses that evict another client's entry.
        self._salt = secrets.token_bytes(16)

    def check(self, client: str) -> None:
        """Raise TooManyFailures when an address has no failure left; without recent failures it returns at once."""
        now = _now()
        if now - self._words[0] >= MINUTE:
            return
        fingerprint, entries = self._set_of(client)
        for entry in entries:
            if entry[0] == fingerprint and (seconds := _wait(entry[1:], now)):
                raise TooManyFailures(
                    "Too many wrong tokens came from this address; try again later.", retry_after=seconds
                )

    def record_failure(self, client: str) -> bool:
        """Count a failure; return whether it was the last that is left."""
        now = _now()
        fingerprint, entries = self._set_of(client)
        entry = next((each for each in entries if each[0] == fingerprint), None)
        if entry is None:
            entry = min(entries, key=lambda each: max(each[1:]))
            for index in range(self._size):
                entry[index] = 0
            entry[0] = fingerprint
        times = entry[1:]
        oldest = min(range(len(times)), key=times.__getitem__)
        times[oldest] = self._words[0] = now
        return _wait(times, now) > 0

    def _set_of(self, client: str) -> tuple[int, list[memoryview]]:
        """Return the fingerprint of an address, and the entries of which one may be its own."""
        digest = hashlib.blake2b(client.encode("utf-8", "surrogatepass"), digest_size=8, key=self._salt).digest()
        number = int.from_bytes(digest, "big")
        first = 1 + number % SETS * ASSOCIATIVITY * self._size
        starts = range(first, first + ASSOCIATIVITY * self._size, self._size)
        return number >> 32 | 1, [self._words[start : start + self._size] for start in starts]


def _wait(times: memoryview, now: int) -> int:
    """Return the seconds until another failure is allowed, 0 when one is left."""
    oldest = min(times)
    return max(0, MINUTE - (now - oldest)) if oldest else 0


def _now() -> int:
    # The same clock in all processes of a machine; never 0, which stands for "no failure".
    return int(time.monotonic()) + 1
