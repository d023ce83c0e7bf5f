"""The Once of all machines: a key and its result in one hash of Redis, which expires."""

import contextlib
import secrets
from collections.abc import Iterator

from sayna.state.ports import AlreadyBegun, Attempt, Earlier
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import Leases, digest

DAY = 86400.0  # seconds

# Whatever happened to the lock, only one attempt can begin: the first that stores its token.
BEGIN = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.call('HGET', KEYS[1], 'begun') == ARGV[1] and 1 or 0
end
redis.call('HSET', KEYS[1], 'begun', ARGV[1], 'request', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
FINISH = """
local begun = redis.call('HGET', KEYS[1], 'begun')
if not begun then
  redis.call('HSET', KEYS[1], 'begun', ARGV[1], 'request', '', 'result', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
elseif begun == ARGV[1] then
  redis.call('HSET', KEYS[1], 'result', ARGV[2])
end
return 1
"""
CANCEL = "if redis.call('HGET', KEYS[1], 'begun') == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisOnce:
    """Keys of the last `keep_seconds`; keys of another `name` are independent."""

    def __init__(
        self, client: RedisClient, leases: Leases, name: str, *, wait_seconds: float, keep_seconds: float = DAY
    ) -> None:
        self._client = client
        self._leases = leases
        self._name = name
        self._wait_seconds = wait_seconds
        self._keep_ms = int(keep_seconds * 1000)

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[Attempt]:
        """Lend the attempt of a key; raises TimeoutError, StoreUnavailable."""
        place = f"sayna:{{{self._name}:{digest(key)}}}"
        with self._leases.hold(f"{place}:lock", self._wait_seconds):
            yield _RedisAttempt(self._client, place, self._keep_ms)


class _RedisAttempt:
    def __init__(self, client: RedisClient, key: str, keep_ms: int) -> None:
        self._client = client
        self._key = key
        self._keep_ms = keep_ms
        self._token = secrets.token_hex(16)

    def earlier(self) -> Earlier | None:
        """Return what is stored under the key."""
        begun, request, result = self._client.ask(lambda client: client.hmget(self._key, "begun", "request", "result"))
        if begun is None:
            return None
        return Earlier(request, None if result is None else result.decode())

    def begin(self, request: bytes) -> None:
        """Store that the work begins; raises AlreadyBegun."""
        token = secrets.token_hex(16)
        if not self._client.run(BEGIN, [self._key], token, request, self._keep_ms):
            raise AlreadyBegun
        self._token = token

    def finish(self, result: str) -> None:
        """Store the result, unless another attempt has begun meanwhile."""
        self._client.run(FINISH, [self._key], self._token, result, self._keep_ms)

    def cancel(self) -> None:
        """Make the key new again, unless another attempt has begun meanwhile."""
        self._client.run(CANCEL, [self._key], self._token)
