"""The embedded UsageStore: characters in one SQLite file."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from sayna.state.database import WAIT_SECONDS, Database
from sayna.state.ports import Characters, CharactersExhausted, UsageKey, UsageStore

SCHEMA = """
CREATE TABLE IF NOT EXISTS characters
    (tenant TEXT NOT NULL, month TEXT NOT NULL, provider TEXT NOT NULL,
     billed INTEGER NOT NULL DEFAULT 0, saved INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (tenant, month, provider));
CREATE INDEX IF NOT EXISTS characters_month ON characters (month);
CREATE TABLE IF NOT EXISTS warned
    (tenant TEXT NOT NULL, month TEXT NOT NULL, characters INTEGER NOT NULL, PRIMARY KEY (tenant, month, characters));
"""
SUM = "SELECT coalesce(sum(billed), 0) FROM characters WHERE tenant = ? AND month = ?"
ADD = """
INSERT INTO characters (tenant, month, provider, billed, saved) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET billed = billed + excluded.billed, saved = saved + excluded.saved
"""
REFUND = "UPDATE characters SET billed = max(0, billed - ?) WHERE tenant = ? AND month = ? AND provider = ?"
MONTH = """
SELECT tenant, month, provider, billed, saved FROM characters
WHERE month = :month AND (:tenant IS NULL OR tenant = :tenant) ORDER BY tenant, provider
"""


class SQLiteUsage(UsageStore):
    """Counts characters in `folder`/usage.sqlite."""

    def __init__(self, folder: Path, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._database = Database(folder, "usage", SCHEMA, wait_seconds=wait_seconds, is_quick=True)

    def spend(self, key: UsageKey, characters: int, *, limit: int | None) -> int:

        def count(database: sqlite3.Connection) -> int:
            total = int(database.execute(SUM, (key.tenant, key.month)).fetchone()[0]) + characters
            if limit is not None and total > limit:
                raise CharactersExhausted
            database.execute(ADD, (key.tenant, key.month, key.provider, characters, 0))
            return total

        return self._database.transact(count)

    def refund(self, key: UsageKey, characters: int) -> None:
        self._database.execute(REFUND, (characters, key.tenant, key.month, key.provider))

    def add(self, counts: Mapping[UsageKey, Characters]) -> None:
        rows = [(key.tenant, key.month, key.provider, count.billed, count.saved) for key, count in counts.items()]
        self._database.transact(lambda database: database.executemany(ADD, rows))

    def month(self, month: str, tenant: str | None = None) -> dict[UsageKey, Characters]:
        rows = self._database.execute(MONTH, {"month": month, "tenant": tenant})
        return {UsageKey(*row[:3]): Characters(*row[3:]) for row in rows}

    def is_first_warning(self, tenant: str, month: str, limit: int) -> bool:
        insert = "INSERT OR IGNORE INTO warned VALUES (?, ?, ?)"
        return self._database.transact(lambda database: database.execute(insert, (tenant, month, limit)).rowcount == 1)
