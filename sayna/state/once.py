"""The embedded Once: keys and results in one SQLite file."""

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from sayna.state.database import WAIT_SECONDS, Database
from sayna.state.locks import FileLocks
from sayna.state.ports import AlreadyBegun, Attempt, Earlier, Once

DAY = 86400.0  # seconds

SCHEMA = """
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
        self.database = Database(folder, name, SCHEMA, wait_seconds=min(wait_seconds, WAIT_SECONDS))
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
        arguments = (self._key, time.time() - self._once.keep_seconds)
        row = self._once.database.transact(lambda database: database.execute(query, arguments).fetchone())
        return Earlier(*row) if row else None

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
        delete = "DELETE FROM answers WHERE key = ?"
        self._once.database.transact(lambda database: database.execute(delete, (self._key,)))

    def _remove_old(self, database: sqlite3.Connection) -> float:
        now = time.time()
        database.execute("DELETE FROM answers WHERE at <= ?", (now - self._once.keep_seconds,))
        return now
