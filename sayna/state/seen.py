"""Which events were accepted before: ids of the last 24 hours, in one SQLite file for all workers.

Ids live as long as the folder: across restarts in CACHE_PATH, else as long as the server.
"""

import contextlib
import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sayna.errors import Overloaded
from sayna.log import RateLimitedLogger
from sayna.state.files import create_private, exclusive, private_folder

KEEP_SECONDS = 86400
KEEP_IDS = 500_000
WAIT_SECONDS = 2.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
"""
BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

T = TypeVar("T")

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.livekit"))


class EventDeduplicator:
    """Remembers event ids; when it cannot, every event is new, which costs at most a second delivery."""

    def __init__(self, folder: Path, *, keep_ids: int = KEEP_IDS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._folder = folder
        self._file = folder / "events.sqlite"
        self._keep_ids = keep_ids
        self._wait_seconds = wait_seconds

    @contextlib.contextmanager
    def first_delivery(self, event_id: str) -> Iterator[bool]:
        """Yield whether the event is new, and remember it when the block ends without an error.

        Whoever brings the same event meanwhile waits; a process that dies in the block leaves the event new.
        Raises Overloaded when the wait is longer than `wait_seconds`.
        """
        # An id has any length, its digest has one.
        key = hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).digest()
        with self._locked(key):
            is_new = not self._knows(key)
            yield is_new
            if is_new:
                self._remember(key)

    @contextlib.contextmanager
    def _locked(self, key: bytes) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            try:
                # 256 files, instead of one for every event.
                file = private_folder(self._folder) / f"event-{key[:1].hex()}.lock"
                held.enter_context(exclusive(file, self._wait_seconds))
            except TimeoutError as error:
                raise Overloaded("this event is being handled; send it again", retry_after=1) from error
            except OSError as error:
                rate_limited_log.warn("events are accepted without a lock: %s", error)
            yield

    def _knows(self, key: bytes) -> bool:
        # Older ones are removed only with the next event, so they are not counted on to be gone.
        query, since = "SELECT 1 FROM seen WHERE id = ? AND at > ?", time.time() - KEEP_SECONDS
        return bool(self._do(lambda database: database.execute(query, (key, since)).fetchall()))

    def _remember(self, key: bytes) -> None:
        now = time.time()

        def write(database: sqlite3.Connection) -> None:
            insert = "INSERT OR REPLACE INTO seen (id, at) VALUES (?, ?)"
            number = database.execute(insert, (key, now)).lastrowid or 0
            database.execute("DELETE FROM seen WHERE at <= ?", (now - KEEP_SECONDS,))
            # A flood of events within a day must not fill the disk.
            database.execute("DELETE FROM seen WHERE number <= ?", (number - self._keep_ids,))

        self._do(write)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what a transaction returns; a fault goes to the log only, and a broken file is set aside."""
        try:
            create_private(self._file)
            # ObjectStream for each use: a connection must not be shared over a fork, nor by threads.
            with contextlib.closing(sqlite3.connect(self._file, timeout=self._wait_seconds)) as database:
                # Readers and the writer do not wait for each other then: https://www.sqlite.org/wal.html
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(SCHEMA)
                with database:
                    return work(database)
        except (sqlite3.Error, OSError) as error:
            rate_limited_log.warn("ids of events cannot be remembered: %s", error)
            # The low byte is the primary code: https://www.sqlite.org/rescode.html#pve
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in BROKEN:
                self._quarantine()
            return None

    def _quarantine(self) -> None:
        """Rename the file together with its log, which SQLite would write into the next one."""
        for file in self._folder.glob("events.sqlite*"):
            # Another worker may have done it a moment ago, and whatever is in the way must
            # not cost the event.
            with contextlib.suppress(OSError):
                file.replace(file.with_name(file.name.replace("sqlite", "corrupt")))
