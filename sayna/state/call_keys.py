"""The embedded Counter and Once: calls, and keys with their results, each in one SQLite file."""

import contextlib
import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sayna.state.database import WAIT_SECONDS, Database
from sayna.state.locks import FileLocks
from sayna.state.ports import (
    AlreadyBegun,
    Attempt,
    CallSlot,
    ConcurrencyLimitReached,
    Counter,
    Earlier,
    Once,
    RateLimitReached,
)

MINUTE = 60.0  # seconds
# When LiveKit does not say whether a call began, the call rings after this time, or never will.
UNCERTAIN_SECONDS = 60.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS begun (tenant TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS begun_tenant ON begun (tenant, at);
CREATE TABLE IF NOT EXISTS lines
    (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, identity TEXT NOT NULL,
     at REAL NOT NULL, placed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS lines_tenant ON lines (tenant, at);
"""
# A second call of the same room and identity ends the first one: LiveKit has one participant of an identity.
OTHERS = "SELECT count(*) FROM lines WHERE tenant = ? AND NOT (room = ? AND identity = ?)"
REPLACED = """
DELETE FROM lines WHERE tenant = :tenant AND id != :id AND placed
AND (room, identity) IN (SELECT room, identity FROM lines WHERE id = :id AND tenant = :tenant)
"""
OLDEST = """
SELECT id, room, identity FROM lines WHERE tenant = :tenant AND (placed OR at < :before)
AND (SELECT count(*) FROM lines WHERE tenant = :tenant) >= :most ORDER BY at LIMIT :count
"""

DAY = 86400.0  # seconds

ONCE_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers
    (key BLOB PRIMARY KEY, request BLOB NOT NULL, answer TEXT, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS answers_at ON answers (at);
DROP TABLE IF EXISTS seen; -- event ids of an earlier version, in events.sqlite
"""
BEGIN = "INSERT OR IGNORE INTO answers (key, request, at) VALUES (?, ?, ?)"
FINISH = """
INSERT INTO answers (key, request, answer, at) VALUES (?, x'', ?, ?)
ON CONFLICT (key) DO UPDATE SET answer = excluded.answer
"""


class SQLiteCounter(Counter):
    """Counts calls in `folder`/calls.sqlite; without `at_a_time` there are no slots."""

    def __init__(self, folder: Path, *, per_minute: int, at_a_time: int | None) -> None:
        self._database = Database(folder, "calls", SCHEMA)
        self._per_minute = per_minute
        self._at_a_time = at_a_time

    def acquire(self, tenant: str, room: str, identity: str) -> str:
        slot = secrets.token_hex(8)

        def count(database: sqlite3.Connection) -> None:
            now = time.time()
            self._check_minute(database, tenant, now)
            if self._at_a_time is not None:
                others = database.execute(OTHERS, (tenant, room, identity)).fetchone()[0]
                if others >= self._at_a_time:
                    raise ConcurrencyLimitReached
                insert = "INSERT INTO lines (id, tenant, room, identity, at) VALUES (?, ?, ?, ?, ?)"
                database.execute(insert, (slot, tenant, room, identity, now))
            database.execute("INSERT INTO begun VALUES (?, ?)", (tenant, now))

        self._database.transact(count)
        return slot

    def confirm(self, tenant: str, slot: str) -> None:
        if self._at_a_time is not None:

            def place(database: sqlite3.Connection) -> None:
                names = {"tenant": tenant, "id": slot}
                database.execute(REPLACED, names)
                database.execute("UPDATE lines SET placed = 1 WHERE id = :id AND tenant = :tenant", names)

            self._database.transact(place)

    def release(self, tenant: str, slots: Iterable[str]) -> None:
        rows = [(slot, tenant) for slot in slots]
        if self._at_a_time is not None and rows:
            delete = "DELETE FROM lines WHERE id = ? AND tenant = ?"
            self._database.transact(lambda database: database.executemany(delete, rows))

    def oldest(self, tenant: str, count: int) -> list[CallSlot]:
        if self._at_a_time is None:
            return []
        before = time.time() - UNCERTAIN_SECONDS
        names = {"tenant": tenant, "most": self._at_a_time, "before": before, "count": count}
        return [CallSlot(*row) for row in self._database.execute(OLDEST, names)]

    def _check_minute(self, database: sqlite3.Connection, tenant: str, now: float) -> None:
        # When the clock is set back, calls of the future must not count.
        database.execute("DELETE FROM begun WHERE at <= ? OR at > ?", (now - MINUTE, now + 1))
        query = "SELECT count(*), min(at) FROM begun WHERE tenant = ?"
        calls, first = database.execute(query, (tenant,)).fetchone()
        if calls >= self._per_minute:
            raise RateLimitReached(max(1, round(first + MINUTE - now)))


class SQLiteOnce(Once):
    """Keys of the last `keep_seconds`, at most the newest `max_keys` of them."""

    def __init__(
        self,
        folder: Path,
        name: str,
        locks: FileLocks,
        *,
        wait_seconds: float,
        keep_seconds: float = DAY,
        max_keys: int | None = None,
    ) -> None:
        self.database = Database(folder, name, ONCE_SCHEMA, wait_seconds=min(wait_seconds, WAIT_SECONDS))
        self.keep_seconds = keep_seconds
        self.max_keys = max_keys
        self._locks = locks
        self._wait_seconds = wait_seconds

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[Attempt]:
        with self._locks.hold(key, self._wait_seconds):
            # A key has any length, its digest has one.
            yield _SQLiteAttempt(self, hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())


class _SQLiteAttempt(Attempt):
    def __init__(self, once: SQLiteOnce, key: bytes) -> None:
        self._once = once
        self._key = key

    def earlier(self) -> Earlier | None:
        query = "SELECT request, answer FROM answers WHERE key = ? AND at > ?"
        rows = self._once.database.execute(query, (self._key, time.time() - self._once.keep_seconds))
        return Earlier(*rows[0]) if rows else None

    def begin(self, request: bytes) -> None:

        def write(database: sqlite3.Connection) -> None:
            now = self._remove_old(database)
            if not database.execute(BEGIN, (self._key, request, now)).rowcount:
                raise AlreadyBegun

        self._once.database.transact(write)

    def finish(self, result: str) -> None:

        def write(database: sqlite3.Connection) -> None:
            now = self._remove_old(database)
            newest = database.execute(FINISH, (self._key, result, now)).lastrowid or 0
            # Otherwise a flood of keys within a day could fill the disk.
            if self._once.max_keys is not None:
                database.execute("DELETE FROM answers WHERE rowid <= ?", (newest - self._once.max_keys,))

        self._once.database.transact(write)

    def cancel(self) -> None:
        self._once.database.execute("DELETE FROM answers WHERE key = ?", (self._key,))

    def _remove_old(self, database: sqlite3.Connection) -> float:
        now = time.time()
        database.execute("DELETE FROM answers WHERE at <= ?", (now - self._once.keep_seconds,))
        return now
