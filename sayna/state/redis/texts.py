"""The Records, the BlobStore and the Outbox of all machines."""

import contextlib
from collections.abc import Callable

from sayna.errors import Overloaded, StoreUnavailable
from sayna.state.files import Check
from sayna.state.outbox import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, MAX_WAITING, MAX_WAITING_AT_HOST
from sayna.state.ports import BlobStore, Delivery, Outbox, Records
from sayna.state.records import DAY, MAX_RECORDS
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import Leases

# The braces keep all keys on one node of a cluster, because each script changes several of them.
PREFIX = "sayna:{sip}:"
WAIT_SECONDS = 5.0
EVENTS, HOSTS, NUMBER = f"{PREFIX}events", f"{PREFIX}hosts", f"{PREFIX}number"
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
            if self._client.run("record_change", keys, *_old(old), value, *more):
                return

    def members(self, group: str, count: int) -> list[str]:
        found = self._client.run("record_members", [f"{PREFIX}group:{group}"], f"{PREFIX}record:", count)
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
        return bool(self._client.run("text_replace", [f"{PREFIX}value:{name}"], *_old(old), value))


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
            return bool(self._client.call("exists", NUMBER))
        return True

    def check(self) -> Check:
        return self._client.check()

    def put(self, event_id: str, *, host: str, owner: str | None, room: str, body: str) -> None:
        limits = self._max_waiting, self._max_waiting_at_host
        arguments = PREFIX, event_id, host, owner or "", room, body, *limits
        if self._client.run("event_put", [EVENTS, HOSTS, NUMBER], *arguments) < 0:
            raise Overloaded("too many events wait to be delivered", retry_after=30)

    def due(self, per_host: int) -> list[tuple[str, str]]:
        found = self._client.run("event_due", [EVENTS, HOSTS], PREFIX, per_host)
        found.sort(key=lambda row: float(row[0]))
        return [(event_id.decode(), host.decode()) for _, event_id, host in found]

    def get(self, event_id: str) -> Delivery | None:
        values = self._client.call("hmget", f"{PREFIX}event:{event_id}", *FIELDS)
        host, owner, body, created, attempts = ((value or b"").decode("utf-8", "surrogatepass") for value in values)
        if not host:
            return None
        return Delivery(event_id, host, owner or None, body, int(created) / 1000, int(attempts))

    def remove(self, delivery: Delivery) -> None:
        self._client.run("event_remove", [EVENTS, HOSTS], PREFIX, delivery.id)

    def postpone(self, delivery: Delivery) -> None:
        pauses = int(FIRST_PAUSE_SECONDS * 1000), int(LONGEST_PAUSE_SECONDS * 1000)
        self._client.run("event_postpone", [EVENTS], PREFIX, delivery.id, *pauses)
