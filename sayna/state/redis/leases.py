"""Leases: keys that one process holds and renews; when the process dies, Redis frees them within 4 seconds."""

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence

from sayna.errors import StoreUnavailable
from sayna.state.locks import digest
from sayna.state.ports import AlreadyBegun, Attempt, Earlier, Leader, Lock, Once, Slots
from sayna.state.redis.client import RedisClient

LEASE_MS = 4000
RENEW_INTERVAL = 0.5  # seconds
# A lease counts as lost this long after the last renewal, before Redis gives it to another process.
LOST_SECONDS = 2.5
POLL_INTERVAL = 0.02  # seconds
SLOT_INTERVAL = 0.1  # seconds; each look asks Redis once a slot
DAY = 86400.0  # seconds
TOKEN_BYTES = 16


class Lease:
    """A key that this process holds; `ended` is set when the lease is lost, or when `stop` is set."""

    def __init__(self, key: str, stop: threading.Event | None, token: str = "") -> None:
        self.key = key
        self.token = token or secrets.token_hex(16)
        self.ended = threading.Event()
        self.stop = stop
        self.renewed_at = time.monotonic()


class Leases:
    """The leases of this process; one thread renews them all."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._pid = 0

    @contextlib.contextmanager
    def lend(self, key: str, stop: threading.Event | None = None) -> Iterator[Lease | None]:
        """Yield the lease of a key, None while another holder has it; raises StoreUnavailable."""
        lease = Lease(key, stop)
        if not self._client.run("lease_acquire", [key], lease.token, LEASE_MS):
            yield None
            return
        self.keep(lease)
        try:
            yield lease
        finally:
            self.drop(lease)
            # Otherwise Redis frees it a few seconds later.
            with contextlib.suppress(StoreUnavailable):
                self._client.run("lease_free", [key], lease.token)

    @contextlib.contextmanager
    def hold(self, keys: Sequence[str], seconds: float, interval: float = POLL_INTERVAL) -> Iterator[None]:
        """Hold the lease of one of the keys; raises TimeoutError after `seconds`, StoreUnavailable."""
        limit = time.monotonic() + seconds
        with contextlib.ExitStack() as held:
            while not any(held.enter_context(self.lend(key)) for key in keys):
                if time.monotonic() > limit:
                    raise TimeoutError(f"{keys[0]} is held by another process")
                time.sleep(interval)
            yield

    def drop(self, lease: Lease) -> None:
        """Renew a lease no more."""
        with self._lock:
            self._held.discard(lease)

    def keep(self, lease: Lease) -> None:
        """Renew a lease that was acquired, until it is dropped or lost."""
        with self._lock:
            # After a fork: the parent renews its own leases.
            if self._pid != os.getpid():
                self._held = set()
                threading.Thread(target=self._renew_all, args=(os.getpid(),), daemon=True, name="leases").start()
                self._pid = os.getpid()
            self._held.add(lease)

    def _renew_all(self, pid: int) -> None:
        while os.getpid() == pid:
            time.sleep(RENEW_INTERVAL)
            with self._lock:
                leases = list(self._held)
            for lease in leases:
                if not self._is_kept(lease):
                    lease.ended.set()

    def _is_kept(self, lease: Lease) -> bool:
        if lease.stop is not None and lease.stop.is_set():
            return False
        asked_at = time.monotonic()
        try:
            if not self._client.run("lease_renew", [lease.key], lease.token, LEASE_MS):
                return False
            lease.renewed_at = asked_at
        except StoreUnavailable:
            pass
        return time.monotonic() - lease.renewed_at < LOST_SECONDS


class RedisLocks(Lock):
    """The Lock of all machines; locks with another `prefix` are independent."""

    def __init__(self, leases: Leases, prefix: str) -> None:
        self._leases = leases
        self._prefix = prefix

    def hold(self, name: str, seconds: float) -> contextlib.AbstractContextManager[None]:
        return self._leases.hold([f"sayna:{{lock:{self._prefix}:{digest(name)}}}"], seconds)


class RedisLeader(Leader):
    """The Leader of all machines: the worker leads that holds the lease of the job."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    @contextlib.contextmanager
    def term(self, job: str, stop: threading.Event) -> Iterator[threading.Event | None]:
        with self._leases.lend(f"sayna:{{leader:{job}}}", stop) as lease:
            yield lease.ended if lease else None


class RedisSlots(Slots):
    """Slots in Redis, which frees those of a dead process within 4 seconds; while Redis is away, those of `files`."""

    def __init__(self, leases: Leases, files: Slots) -> None:
        self._leases = leases
        self._files = files

    @contextlib.contextmanager
    def hold(self, name: str, limit: int, seconds: float) -> Iterator[None]:
        keys = [f"sayna:{{slots:{digest(name)}}}:{number}" for number in range(limit)]
        until = time.monotonic() + seconds
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._leases.hold(keys, seconds, SLOT_INTERVAL))
            except StoreUnavailable:
                held.enter_context(self._files.hold(name, limit, max(0.0, until - time.monotonic())))
            yield


class RedisOnce(Once):
    """Keys of the last `keep_seconds`; keys of another `name` are independent."""

    def __init__(
        self, client: RedisClient, leases: Leases, name: str, *, wait_seconds: float, keep_seconds: float = DAY
    ) -> None:
        self._client = client
        self._leases = leases
        self._name = name
        self._wait_seconds = wait_seconds
        self._keep_ms = int(keep_seconds * 1000) or 1

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[Attempt]:
        place = f"sayna:{{{self._name}:{digest(key)}}}"
        with self._leases.hold([f"{place}:lock"], self._wait_seconds):
            yield _RedisAttempt(self._client, place, self._keep_ms)


class _RedisAttempt(Attempt):
    """Whatever happened to the lock, only one attempt can begin: the first that stores its token.

    The name of a result has that token, so the result of an attempt that could not begin is never read.
    """

    def __init__(self, client: RedisClient, key: str, keep_ms: int) -> None:
        self._client = client
        self._key = key
        self._keep_ms = keep_ms
        self._begun = b""

    def earlier(self) -> Earlier | None:
        begun = self._client.call("get", self._key)
        if begun is None:
            return None
        result = self._client.call("get", self._result_of(begun))
        return Earlier(begun[TOKEN_BYTES:], None if result is None else result.decode())

    def begin(self, request: bytes) -> None:
        begun = secrets.token_bytes(TOKEN_BYTES) + request
        if not self._client.run("lease_acquire", [self._key], begun, self._keep_ms):
            raise AlreadyBegun
        self._begun = begun

    def finish(self, result: str) -> None:
        with contextlib.suppress(AlreadyBegun):
            if not self._begun:
                self.begin(b"")
            self._client.call("set", self._result_of(self._begun), result, px=self._keep_ms)

    def cancel(self) -> None:
        self._client.run("lease_free", [self._key], self._begun)
        self._begun = b""

    def _result_of(self, begun: bytes) -> str:
        return f"{self._key}:{begun[:TOKEN_BYTES].hex()}"
