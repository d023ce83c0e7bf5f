"""The Records and the BlobStore of all machines: values that change in one step, by comparison with what was read."""

from collections.abc import Callable

from sayna.errors import StoreUnavailable
from sayna.state.ports import BlobStore, Records
from sayna.state.records import DAY, MAX_RECORDS
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import Leases

PREFIX = "sayna:{sip}:"
WAIT_SECONDS = 5.0

# KEYS: value. ARGV: whether there was an old value, the old value, the new one.
REPLACE = """
local old = redis.call('GET', KEYS[1])
if (old and '1' or '0') ~= ARGV[1] or (old or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
"""
# KEYS further: all records, those of the group, the number of the last one. ARGV further: the key, prefix, ms, most.
CHANGE = f"""{REPLACE}
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if not old then
  local number = redis.call('INCR', KEYS[4])
  redis.call('ZADD', KEYS[2], number, ARGV[4])
  redis.call('ZADD', KEYS[3], number, ARGV[4])
end
redis.call('PEXPIRE', KEYS[3], ARGV[6])
for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[7])) do
  redis.call('DEL', ARGV[5] .. key)
  redis.call('ZREM', KEYS[2], key)
end
return 1
"""
MEMBERS = """
local texts = {}
for _, key in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local text = redis.call('GET', ARGV[1] .. key)
  if text then texts[#texts + 1] = text end
end
return texts
"""


def _old(value: str | bytes | None) -> tuple[int, str | bytes]:
    return (0, b"") if value is None else (1, value)


class RedisRecords(Records):
    """Records that Redis keeps for `keep_seconds` after the last change, the newest `max_records`."""

    def __init__(self, client: RedisClient, *, keep_seconds: float = DAY, max_records: int = MAX_RECORDS) -> None:
        self._client = client
        self._keep_ms = int(keep_seconds * 1000)
        self._max_records = max_records

    def get(self, key: str) -> str | None:
        found = self._client.call("get", f"{PREFIX}record:{key}")
        return None if found is None else found.decode()

    def change(self, key: str, group: str, change: Callable[[str | None], str | None]) -> None:
        keys = [f"{PREFIX}record:{key}", f"{PREFIX}records", f"{PREFIX}group:{group}", f"{PREFIX}record-number"]
        more = key, f"{PREFIX}record:", self._keep_ms, self._max_records
        # Of those that change one text at once, one succeeds each time.
        while (value := change(old := self.get(key))) is not None:
            if self._client.run(CHANGE, keys, *_old(old), value, *more):
                return

    def members(self, group: str, count: int) -> list[str]:
        found = self._client.run(MEMBERS, [f"{PREFIX}group:{group}"], f"{PREFIX}record:", count)
        return [text.decode() for text in found]


class RedisBlobStore(BlobStore):
    """Values in Redis; a value that was never stored there is copied from `files` first."""

    def __init__(
        self, client: RedisClient, leases: Leases, files: BlobStore | None, *, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._client = client
        self._leases = leases
        self._files = files
        self._wait_seconds = wait_seconds

    def read(self, name: str) -> bytes | None:
        try:
            return self._read(name)
        except StoreUnavailable as error:
            raise OSError(f"Redis cannot give {name}") from error

    def change(self, name: str, change: Callable[[bytes | None], bytes | None]) -> None:
        try:
            with self._leases.hold([f"{PREFIX}lock:{name}"], self._wait_seconds):
                # The lease may be lost meanwhile.
                while (value := change(old := self._read(name))) is not None:
                    if self._replace(name, old, value):
                        return
        except TimeoutError as error:
            raise StoreUnavailable("another request is changing this; try again", retry_after=1) from error

    def _read(self, name: str) -> bytes | None:
        found: bytes | None = self._client.call("get", f"{PREFIX}value:{name}")
        if found is None and self._files is not None and (file := self._files.read(name)) is not None:
            return file if self._replace(name, None, file) else self._read(name)
        return found

    def _replace(self, name: str, old: bytes | None, value: bytes) -> bool:
        return bool(self._client.run(f"{REPLACE}return 1", [f"{PREFIX}value:{name}"], *_old(old), value))
