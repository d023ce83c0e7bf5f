"""The embedded Records: texts in one SQLite file."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from sayna.state.database import Database
from sayna.state.ports import Records

DAY = 86400.0  # seconds
MAX_RECORDS = 100_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, of TEXT NOT NULL, value TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS records_of ON records (of, at);
CREATE INDEX IF NOT EXISTS records_at ON records (at);
"""
GET = "SELECT value FROM records WHERE key = ? AND at > ?"
PUT = """
INSERT INTO records (key, of, value, at) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET of = excluded.of, value = excluded.value, at = excluded.at
"""
GROUP = "SELECT value FROM records WHERE of = ? AND at > ? ORDER BY rowid DESC LIMIT ?"
# The newest rows stay; rowid grows with each new key.
BOUND = "DELETE FROM records WHERE rowid <= (SELECT max(rowid) FROM records) - ?"


class SQLiteRecords(Records):
    """Records in `folder`/`name`.sqlite, kept for `keep_seconds` after the last change, the newest `max_records`."""

    def __init__(self, folder: Path, name: str, *, keep_seconds: float = DAY, max_records: int = MAX_RECORDS) -> None:
        self._database = Database(folder, name, SCHEMA)
        self._keep_seconds = keep_seconds
        self._max_records = max_records

    def get(self, key: str) -> str | None:
        rows = self._database.execute(GET, (key, self._oldest()))
        return rows[0][0] if rows else None

    def change(self, key: str, group: str, change: Callable[[str | None], str | None]) -> None:

        def write(database: sqlite3.Connection) -> None:
            row = database.execute(GET, (key, self._oldest())).fetchone()
            value = change(row[0] if row else None)
            if value is not None:
                database.execute("DELETE FROM records WHERE at <= ?", (self._oldest(),))
                database.execute(PUT, (key, group, value, time.time()))
                database.execute(BOUND, (self._max_records,))

        self._database.transact(write)

    def members(self, group: str, count: int) -> list[str]:
        return [row[0] for row in self._database.execute(GROUP, (group, self._oldest(), count))]

    def _oldest(self) -> float:
        return time.time() - self._keep_seconds
