"""The Slots of all machines: so many leases of a name."""

import contextlib
import time
from collections.abc import Iterator

from sayna.errors import StoreUnavailable
from sayna.state.ports import Slots
from sayna.state.redis.leases import Leases, digest

POLL_INTERVAL = 0.1  # seconds; each look asks Redis once a slot


class RedisSlots:
    """Slots in Redis, which frees those of a dead process within 4 seconds; while Redis is away, those of `files`."""

    def __init__(self, leases: Leases, files: Slots) -> None:
        self._leases = leases
        self._files = files

    @contextlib.contextmanager
    def hold(self, name: str, limit: int, seconds: float) -> Iterator[None]:
        """Hold one of `limit` slots of a name; raises TimeoutError when none is free for `seconds`."""
        until = time.monotonic() + seconds
        with contextlib.ExitStack() as held:
            try:
                while not self._take(held, name, limit):
                    if time.monotonic() >= until:
                        raise TimeoutError(f"all {limit} slots are taken")
                    time.sleep(POLL_INTERVAL)
            except StoreUnavailable:
                held.enter_context(self._files.hold(name, limit, max(0.0, until - time.monotonic())))
            yield

    def _take(self, held: contextlib.ExitStack, name: str, limit: int) -> bool:
        keys = (f"sayna:{{slots:{digest(name)}}}:{number}" for number in range(limit))
        return any(held.enter_context(self._leases.lend(key)) for key in keys)
