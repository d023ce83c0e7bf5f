"""Events that wait to be told, on disk: in order within a room, bounded, at least once."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from sayna.errors import Overloaded
from sayna.state.database import Database

KEEP_SECONDS = 3600.0
MAX_WAITING = 20_000
MAX_WAITING_AT_HOST = 2_000
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0

# AUTOINCREMENT: a number must not come again while a thread still delivers the event that had it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting
    (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, host TEXT NOT NULL, owner TEXT,
     room TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL, due REAL NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS waiting_room ON waiting (room, number);
CREATE INDEX IF NOT EXISTS waiting_host ON waiting (host);
"""
ONE = "SELECT number, id, host, owner, body, created, attempts FROM waiting WHERE number = ?"
ADD = "INSERT OR IGNORE INTO waiting (id, host, owner, room, body, created, due) VALUES (?, ?, ?, ?, ?, ?, ?)"
# What is due later than the longest pause was put off before the clock was set back.
# Of each room its first event, if that is due; of each host no more than can be under way.
DUE = """
SELECT number, host FROM (
    SELECT number, host, row_number() OVER (PARTITION BY host ORDER BY number) AS place FROM waiting
    WHERE (due <= :now OR due > :now + :longest)
    AND number IN (SELECT min(number) FROM waiting GROUP BY room)
) WHERE place <= :places ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for the hook of a host; `created` is in seconds since the epoch."""

    number: int
    id: str
    host: str
    owner: str | None
    body: str
    created: float
    attempts: int

    @property
    def expired(self) -> bool:
        """Whether it has been tried for an hour; a clock that was set back does not make it immortal."""
        return not 0 <= time.time() - self.created < KEEP_SECONDS


class Queue:
    """What is in it survives the process; raises StoreUnavailable when the disk does not take it."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder, "deliveries", SCHEMA)

    @property
    def exists(self) -> bool:
        """Whether anything was ever put in."""
        return self._database.file.exists()

    def put(self, event_id: str, *, host: str, owner: str | None, room: str, body: str) -> None:
        """Add an event, unless it waits already; raises Overloaded when too many wait."""
        now = time.time()

        def add(database: sqlite3.Connection) -> None:
            query = "SELECT count(*), count(*) FILTER (WHERE host = ?) FROM waiting"
            everywhere, here = database.execute(query, (host,)).fetchone()
            if everywhere >= MAX_WAITING or here >= MAX_WAITING_AT_HOST:
                raise Overloaded("too many events wait to be delivered", retry_after=30)
            database.execute(ADD, (event_id, host, owner, room, body, now, now))

        self._database.transact(add)

    def due(self, places: int) -> list[tuple[int, str]]:
        """Return number and host of what may be delivered now, the oldest first, `places` for each host."""
        names = {"now": time.time(), "longest": LONGEST_PAUSE_SECONDS, "places": places}
        return self._database.transact(lambda database: database.execute(DUE, names).fetchall())

    def get(self, number: int) -> Delivery | None:
        """Return an event that waits."""
        row = self._database.transact(lambda database: database.execute(ONE, (number,)).fetchone())
        return Delivery(*row) if row else None

    def done(self, delivery: Delivery) -> None:
        """Take an event out."""
        delete = "DELETE FROM waiting WHERE number = ?"
        self._database.transact(lambda database: database.execute(delete, (delivery.number,)))

    def postpone(self, delivery: Delivery) -> None:
        """Let an event wait twice as long as the last time, for 5 minutes at most."""
        pause = min(FIRST_PAUSE_SECONDS * 2**delivery.attempts, LONGEST_PAUSE_SECONDS)
        update = "UPDATE waiting SET attempts = attempts + 1, due = ? WHERE number = ?"
        row = (time.time() + pause, delivery.number)
        self._database.transact(lambda database: database.execute(update, row))
