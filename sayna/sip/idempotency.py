"""The same answer to the same Idempotency-Key: kept for 24 hours, per tenant, over all workers."""

import contextlib
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.sip.errors import CallFailed, KeyReused
from sayna.state.database import Database
from sayna.state.files import exclusive, private_folder

KEEP_SECONDS = 86400

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers
    (key BLOB PRIMARY KEY, request BLOB NOT NULL, answer TEXT, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS answers_at ON answers (at);
"""

Answer = Mapping[str, str]


class IdempotencyRecord:
    """One request under one key: `answer` is what an earlier one was told, if there was one."""

    def __init__(self, database: Database, key: bytes, request: bytes) -> None:
        self._database = database
        self._key = key
        self._request = request
        self.answer = self._earlier()

    def begin(self) -> None:
        """Note, before it is done, what must not be done again."""
        row = (self._key, self._request, time.time())
        insert = "INSERT OR REPLACE INTO answers (key, request, at) VALUES (?, ?, ?)"

        def write(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM answers WHERE at < ?", (time.time() - KEEP_SECONDS,))
            database.execute(insert, row)

        self._database.transact(write)

    def end(self, answer: Answer) -> None:
        """Keep what the caller is told."""
        update = "UPDATE answers SET answer = ? WHERE key = ?"
        row = (json.dumps(dict(answer)), self._key)
        self._database.transact(lambda database: database.execute(update, row))

    def _earlier(self) -> Answer | None:
        query = "SELECT request, answer FROM answers WHERE key = ? AND at >= ?"
        arguments = (self._key, time.time() - KEEP_SECONDS)
        row = self._database.transact(lambda database: database.execute(query, arguments).fetchone())
        if row is None:
            return None
        if not hmac.compare_digest(row[0], self._request):
            raise KeyReused("this Idempotency-Key came with another request; use a new key for a new call")
        # Begun by a process that died: to dial again may be to dial twice.
        if row[1] is None:
            raise CallFailed("a call with this Idempotency-Key was begun, but nobody knows how it went")
        answer: dict[str, str] = json.loads(row[1])
        return answer


class IdempotencyStore:
    """Answers by tenant and key; of the request, which may hold a password, a keyed digest is kept."""

    def __init__(self, folder: Path, wait_seconds: float) -> None:
        self._folder = folder
        self._database = Database(folder, "answers", SCHEMA)
        self._wait_seconds = wait_seconds

    @contextlib.contextmanager
    def attempt(self, tenant: str, key: str, request: Mapping[str, object]) -> Iterator[IdempotencyRecord]:
        """Lend the attempt while no other of its key runs; raises KeyReused, CallFailed."""
        # Neither has a line break in its alphabet, so no two pairs of them read the same.
        digest = hashlib.sha256(f"{tenant}\n{key}".encode()).digest()
        text = json.dumps(request, sort_keys=True).encode()
        with self._locked(digest):
            yield IdempotencyRecord(self._database, digest, hmac.digest(key.encode(), text, "sha256"))

    @contextlib.contextmanager
    def _locked(self, digest: bytes) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            try:
                file = private_folder(self._folder) / f"answer-{digest[:1].hex()}.lock"
                held.enter_context(exclusive(file, self._wait_seconds))
            except (TimeoutError, OSError) as error:
                raise StoreUnavailable("a call with this Idempotency-Key is under way", retry_after=1) from error
            yield
