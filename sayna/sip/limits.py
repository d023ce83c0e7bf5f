"""How many calls a tenant may begin in a minute, and have at a time, counted over all workers."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sayna.livekit.errors import LiveKitUnavailable
from sayna.sip.errors import TooManyCalls
from sayna.state.database import Database

MINUTE = 60.0
# A call of which LiveKit did not say whether it began: by then it rings, or never will.
SETTLED_SECONDS = 60.0
# Each is a question to LiveKit, all side by side: this bounds what one call may cost it.
LOOKED_AT = 64
BUSY_RETRY_SECONDS = 5

SCHEMA = """
CREATE TABLE IF NOT EXISTS begun (tenant TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS begun_tenant ON begun (tenant, at);
CREATE TABLE IF NOT EXISTS lines
    (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, identity TEXT NOT NULL,
     at REAL NOT NULL, placed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS lines_tenant ON lines (tenant, at);
"""

OLDEST = "SELECT id, room, identity FROM lines WHERE tenant = ? AND (placed OR at < ?) ORDER BY at LIMIT ?"

Present = Callable[[Iterable[tuple[str, str]]], list[bool]]


class Limits:
    """Calls that have begun and calls that go on; `present` tells which of the latter are still there."""

    def __init__(self, folder: Path, *, per_minute: int, at_a_time: int | None, present: Present) -> None:
        self._database = Database(folder, "calls", SCHEMA)
        self._per_minute = per_minute
        self._at_a_time = at_a_time
        self._present = present

    def take(self, tenant: str, room: str, identity: str) -> str:
        """Count a call and return the id of its line; raises TooManyCalls."""
        if self._at_a_time is not None:
            self._forget_ended(tenant, self._at_a_time)
        # Not room and identity: the same two may be dialled again while the first call still goes on.
        line = secrets.token_hex(8)

        def count(database: sqlite3.Connection) -> None:
            now = time.time()
            self._count_minute(database, tenant, now)
            if self._at_a_time is not None:
                if _lines(database, tenant) >= self._at_a_time:
                    raise TooManyCalls("too many calls are under way", retry_after=BUSY_RETRY_SECONDS)
                insert = "INSERT INTO lines (id, tenant, room, identity, at) VALUES (?, ?, ?, ?, ?)"
                database.execute(insert, (line, tenant, room, identity, now))
            database.execute("INSERT INTO begun VALUES (?, ?)", (tenant, now))

        self._database.transact(count)
        return line

    def placed(self, line: str) -> None:
        """Note that the call is there; one of which nobody knows is asked after later."""
        if self._at_a_time is not None:
            update = "UPDATE lines SET placed = 1 WHERE id = ?"
            self._database.transact(lambda database: database.execute(update, (line,)))

    def release(self, line: str) -> None:
        """Free the line of a call that never began."""
        if self._at_a_time is not None:
            self._database.transact(lambda database: _free(database, [line]))

    def _count_minute(self, database: sqlite3.Connection, tenant: str, now: float) -> None:
        # A clock that was set back must not hold calls of the future against a tenant.
        database.execute("DELETE FROM begun WHERE at <= ? OR at > ?", (now - MINUTE, now + 1))
        query = "SELECT count(*), min(at) FROM begun WHERE tenant = ?"
        calls, first = database.execute(query, (tenant,)).fetchone()
        if calls >= self._per_minute:
            wait = max(1, round(first + MINUTE - now))
            raise TooManyCalls("too many calls were begun within a minute", retry_after=wait)

    def _forget_ended(self, tenant: str, limit: int) -> None:
        """Ask after old lines once they fill the limit; nobody else tells for certain that a call ended."""

        def oldest(database: sqlite3.Connection) -> list[tuple[str, str, str]]:
            if _lines(database, tenant) < limit:
                return []
            return database.execute(OLDEST, (tenant, time.time() - SETTLED_SECONDS, LOOKED_AT)).fetchall()

        lines = self._database.transact(oldest)
        if not lines:
            return
        try:
            here = self._present([(room, identity) for _, room, identity in lines])
        except LiveKitUnavailable:
            return
        ended = [line for (line, _, _), is_here in zip(lines, here, strict=True) if not is_here]
        if ended:
            self._database.transact(lambda database: _free(database, ended))


def _lines(database: sqlite3.Connection, tenant: str) -> int:
    query = "SELECT count(*) FROM lines WHERE tenant = ?"
    return int(database.execute(query, (tenant,)).fetchone()[0])


def _free(database: sqlite3.Connection, lines: Iterable[str]) -> None:
    database.executemany("DELETE FROM lines WHERE id = ?", [(line,) for line in lines])
