"""How many wrong tokens an address may try, counted over all workers.

The counts are in shared memory that was made before the fork: no disk, no cleaning, and a fixed size. There
is no lock, so a worker that dies cannot block another. Of two failures at the same instant, one may not count.
"""

import functools
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

    An entry is a fingerprint, the index of the oldest time, and as many times as failures are allowed.
    """

    def __init__(self, per_minute: int) -> None:
        self._times = per_minute
        self._size = 2 + per_minute
        # The first word is the time of the last failure of all addresses.
        self._memory = mmap.mmap(-1, WORD_BYTES * (1 + SETS * ASSOCIATIVITY * self._size))
        self._words = memoryview(self._memory).cast("I")
        self._blank = memoryview(bytes(WORD_BYTES * self._size)).cast("I")
        # Random salt: if it were known, an attacker could pick addresses that evict another client's entry.
        self._salt = secrets.token_bytes(16)
        self._place = functools.lru_cache(4096)(self._placed)

    def check(self, client: str) -> None:
        """Raise TooManyFailures when an address has no failure left; without recent failures it returns at once."""
        now = _now()
        if now - self._words[0] >= MINUTE or (entry := self._find(client)) is None:
            return
        oldest = self._words[entry + 2 + self._words[entry + 1]]
        if oldest and now - oldest < MINUTE:
            raise TooManyFailures(
                "Too many wrong tokens came from this address; try again later.",
                retry_after=MINUTE - (now - oldest),
            )

    def record_failure(self, client: str) -> bool:
        """Count a failure; return whether it was the last that is left."""
        entry = self._find(client)
        if entry is None:
            entry = self._claim(client)
        now, place = _now(), self._words[entry + 1]
        self._words[entry + 2 + place] = self._words[0] = now
        self._words[entry + 1] = place = (place + 1) % self._times
        oldest = self._words[entry + 2 + place]
        return bool(oldest) and now - oldest < MINUTE

    def _find(self, client: str) -> int | None:
        first, fingerprint = self._place(client)
        for entry in range(first, first + ASSOCIATIVITY * self._size, self._size):
            if self._words[entry] == fingerprint:
                return entry
        return None

    def _claim(self, client: str) -> int:
        first, fingerprint = self._place(client)
        entry = min(range(first, first + ASSOCIATIVITY * self._size, self._size), key=self._last)
        self._words[entry : entry + self._size] = self._blank
        self._words[entry] = fingerprint
        return entry

    def _last(self, entry: int) -> int:
        return self._words[entry + 2 + (self._words[entry + 1] - 1) % self._times]

    def _placed(self, client: str) -> tuple[int, int]:
        digest = hashlib.blake2b(client.encode("utf-8", "surrogatepass"), digest_size=8, key=self._salt).digest()
        number = int.from_bytes(digest, "big")
        return 1 + number % SETS * ASSOCIATIVITY * self._size, number >> 32 | 1


def _now() -> int:
    # The same clock in all processes of a machine; never 0, which stands for "no failure".
    return int(time.monotonic()) + 1
