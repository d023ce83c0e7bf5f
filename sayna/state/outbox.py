"""The embedded Outbox: events in one SQLite file."""

import sqlite3
import time
from pathlib import Path

from sayna.errors import Overloaded, StoreUnavailable
from sayna.state.database import Database
from sayna.state.files import Check, private_folder
from sayna.state.ports import Delivery, Outbox

MAX_WAITING = 20_000
MAX_WAITING_AT_HOST = 2_000
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting
    (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, host TEXT NOT NULL, owner TEXT,
     room TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL, due REAL NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS waiting_room ON waiting (room, number);
CREATE INDEX IF NOT EXISTS waiting_host ON waiting (host);
"""
GET = "SELECT id, host, owner, body, created, attempts FROM waiting WHERE id = ?"
ADD = "INSERT OR IGNORE INTO waiting (id, host, owner, room, body, created, due) VALUES (?, ?, ?, ?, ?, ?, ?)"
# A time beyond the longest pause was stored before the clock was set back.
DUE = """
SELECT id, host FROM (
    SELECT number, id, host, row_number() OVER (PARTITION BY host ORDER BY number) AS place FROM waiting
    WHERE (due <= :now OR due > :now + :longest)
    AND number IN (SELECT min(number) FROM waiting GROUP BY room)
) WHERE place <= :per_host ORDER BY number
"""


class SQLiteOutbox(Outbox):
    """Events in `folder`/deliveries.sqlite."""

    def __init__(
        self, folder: Path, *, max_waiting: int = MAX_WAITING, max_waiting_at_host: int = MAX_WAITING_AT_HOST
    ) -> None:
        self._database = Database(folder, "deliveries", SCHEMA)
        self._max_waiting = max_waiting
        self._max_waiting_at_host = max_waiting_at_host

    def is_used(self) -> bool:
        return self._database.file.exists()

    def check(self) -> Check:
        try:
            private_folder(self._database.file.parent)
            if self.is_used():
                self._database.transact(lambda _: None)
        except (OSError, StoreUnavailable):
            return "failed"
        return "ok"

    def put(self, event_id: str, *, host: str, owner: str | None, room: str, body: str) -> None:
        now = time.time()

        def add(database: sqlite3.Connection) -> None:
            query = "SELECT count(*), count(*) FILTER (WHERE host = ?) FROM waiting"
            everywhere, here = database.execute(query, (host,)).fetchone()
            if everywhere >= self._max_waiting or here >= self._max_waiting_at_host:
                raise Overloaded("too many events wait to be delivered", retry_after=30)
            database.execute(ADD, (event_id, host, owner, room, body, now, now))

        self._database.transact(add)

    def due(self, per_host: int) -> list[tuple[str, str]]:
        names = {"now": time.time(), "longest": LONGEST_PAUSE_SECONDS, "per_host": per_host}
        return self._database.execute(DUE, names)

    def get(self, event_id: str) -> Delivery | None:
        rows = self._database.execute(GET, (event_id,))
        return Delivery(*rows[0]) if rows else None

    def remove(self, delivery: Delivery) -> None:
        self._database.execute("DELETE FROM waiting WHERE id = ?", (delivery.id,))

    def postpone(self, delivery: Delivery) -> None:
        pause = min(FIRST_PAUSE_SECONDS * 2**delivery.attempts, LONGEST_PAUSE_SECONDS)
        update = "UPDATE waiting SET attempts = attempts + 1, due = ? WHERE id = ?"
        self._database.execute(update, (time.time() + pause, delivery.id))
