"""The Records, the BlobStore and the Outbox of all machines."""

import contextlib
from collections.abc import Callable
from typing import Any

from sayna.errors import Overloaded, StoreUnavailable
from sayna.state.files import Check
from sayna.state.outbox import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, MAX_WAITING, MAX_WAITING_AT_HOST
from sayna.state.ports import BlobStore, Delivery, Outbox, Records
from sayna.state.records import DAY, MAX_RECORDS
from sayna.state.redis.client import NOW, RedisClient
from sayna.state.redis.leases import Leases

# The braces keep all keys on one node of a cluster, because each script changes several of them.
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

EVENTS, HOSTS, NUMBER = f"{PREFIX}events", f"{PREFIX}hosts", f"{PREFIX}number"

# KEYS: events, hosts, number. ARGV: prefix, id, host, owner, room, body, most events, most events of a host.
PUT = f"""{NOW}
local prefix, id, host, room = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
if redis.call('ZSCORE', KEYS[1], id) then return 0 end
local here = tonumber(redis.call('HGET', KEYS[2], host) or '0')
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[7]) or here >= tonumber(ARGV[8]) then return -1 end
redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[3]), id)
redis.call('HSET', prefix .. 'event:' .. id, 'host', host, 'owner', ARGV[4], 'room', room, 'body', ARGV[6],
  'created', now, 'attempts', 0)
redis.call('HINCRBY', KEYS[2], host, 1)
if redis.call('RPUSH', prefix .. 'room:' .. room, id) == 1 then
  redis.call('ZADD', prefix .. 'due:' .. host, now, room)
end
return 1
"""
# KEYS: events, hosts. ARGV: prefix, most events of a host.
DUE = f"""{NOW}
local found = {{}}
for _, host in ipairs(redis.call('HKEYS', KEYS[2])) do
  local rooms = redis.call('ZRANGEBYSCORE', ARGV[1] .. 'due:' .. host, '-inf', now, 'LIMIT', 0, ARGV[2])
  for _, room in ipairs(rooms) do
    local id = redis.call('LINDEX', ARGV[1] .. 'room:' .. room, 0)
    if id then found[#found + 1] = {{redis.call('ZSCORE', KEYS[1], id), id, host}} end
  end
end
return found
"""
# KEYS: events, hosts. ARGV: prefix, id.
REMOVE = f"""{NOW}
local prefix, id = ARGV[1], ARGV[2]
local host, room = unpack(redis.call('HMGET', prefix .. 'event:' .. id, 'host', 'room'))
if not host then return 0 end
local lane = prefix .. 'room:' .. room
local was_first = redis.call('LINDEX', lane, 0) == id
redis.call('LREM', lane, 1, id)
redis.call('DEL', prefix .. 'event:' .. id)
redis.call('ZREM', KEYS[1], id)
if redis.call('HINCRBY', KEYS[2], host, -1) < 1 then redis.call('HDEL', KEYS[2], host) end
if was_first then
  redis.call('ZREM', prefix .. 'due:' .. host, room)
  local following = redis.call('LINDEX', lane, 0)
  if following then
    redis.call('ZADD', prefix .. 'due:' .. redis.call('HGET', prefix .. 'event:' .. following, 'host'), now, room)
  end
end
return 1
"""
# KEYS: events. ARGV: prefix, id, first pause, longest pause, both in ms.
POSTPONE = f"""{NOW}
local event = ARGV[1] .. 'event:' .. ARGV[2]
local host, room, attempts = unpack(redis.call('HMGET', event, 'host', 'room', 'attempts'))
if not host then return 0 end
redis.call('HINCRBY', event, 'attempts', 1)
if redis.call('LINDEX', ARGV[1] .. 'room:' .. room, 0) == ARGV[2] then
  redis.call('ZADD', ARGV[1] .. 'due:' .. host, now + math.min(ARGV[3] * 2 ^ attempts, tonumber(ARGV[4])), room)
end
return 1
"""
FIELDS = ("host", "owner", "body", "created", "attempts")


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


class RedisOutbox(Outbox):
    """Events of all machines; one worker of all delivers them."""

    def __init__(
        self, client: RedisClient, *, max_waiting: int = MAX_WAITING, max_waiting_at_host: int = MAX_WAITING_AT_HOST
    ) -> None:
        self._client = client
        self._max_waiting = max_waiting
        self._max_waiting_at_host = max_waiting_at_host

    def is_used(self) -> bool:
        with contextlib.suppress(StoreUnavailable):
            return bool(self._client.ask(lambda client: client.exists(NUMBER)))
        return True

    def check(self) -> Check:
        return self._client.check()

    def put(self, event_id: str, *, host: str, owner: str | None, room: str, body: str) -> None:
        limits = self._max_waiting, self._max_waiting_at_host
        arguments = PREFIX, event_id, host, owner or "", room, body, *limits
        if self._client.run(PUT, [EVENTS, HOSTS, NUMBER], *arguments) < 0:
            raise Overloaded("too many events wait to be delivered", retry_after=30)

    def due(self, per_host: int) -> list[tuple[str, str]]:
        found = self._client.run(DUE, [EVENTS, HOSTS], PREFIX, per_host)
        found.sort(key=lambda row: float(row[0]))
        return [(event_id.decode(), host.decode()) for _, event_id, host in found]

    def get(self, event_id: str) -> Delivery | None:
        values = self._client.ask(lambda client: client.hmget(f"{PREFIX}event:{event_id}", *FIELDS))
        host, owner, body, created, attempts = (_text(value) for value in values)
        if not host:
            return None
        return Delivery(event_id, host, owner or None, body, int(created) / 1000, int(attempts))

    def remove(self, delivery: Delivery) -> None:
        self._client.run(REMOVE, [EVENTS, HOSTS], PREFIX, delivery.id)

    def postpone(self, delivery: Delivery) -> None:
        pauses = int(FIRST_PAUSE_SECONDS * 1000), int(LONGEST_PAUSE_SECONDS * 1000)
        self._client.run(POSTPONE, [EVENTS], PREFIX, delivery.id, *pauses)


def _text(value: Any) -> str:
    return "" if value is None else value.decode("utf-8", "surrogatepass")
