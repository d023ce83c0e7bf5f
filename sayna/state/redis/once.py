"""The Once of all machines: a key of Redis for the work that began, and one for its result; both expire."""

import contextlib
import secrets
from collections.abc import Iterator

from sayna.state.ports import AlreadyBegun, Attempt, Earlier, Once
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import ACQUIRE, FREE, Leases, digest

DAY = 86400.0  # seconds
TOKEN_BYTES = 16


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
        if not self._client.run(ACQUIRE, [self._key], begun, self._keep_ms):
            raise AlreadyBegun
        self._begun = begun

    def finish(self, result: str) -> None:
        with contextlib.suppress(AlreadyBegun):
            if not self._begun:
                self.begin(b"")
            self._client.call("set", self._result_of(self._begun), result, px=self._keep_ms)

    def cancel(self) -> None:
        self._client.run(FREE, [self._key], self._begun)
        self._begun = b""

    def _result_of(self, begun: bytes) -> str:
        return f"{self._key}:{begun[:TOKEN_BYTES].hex()}"
