"""One SQLite file for all workers; opened for each transaction, so that no fork ever shares a connection."""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.state.files import create_private, exclusive, private_folder, shared

WAIT_SECONDS = 5.0
PAUSE_SECONDS = 0.005
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

T = TypeVar("T")

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.sip"))


class Database:
    """Tables in `folder`/`name`.sqlite; a broken file is kept aside and a new one begun."""

    def __init__(self, folder: Path, name: str, schema: str) -> None:
        self.file = folder / f"{name}.sqlite"
        self._schema = schema
        self._turn = threading.Lock()
        # Not the file itself: to close a second descriptor of it would drop SQLite's locks.
        self._lock = folder / f"{name}-database.lock"
        self._inode = 0

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, all of it on disk or none; raises StoreUnavailable.

        SQLite's own waiting is not fair, so threads take turns; nor does it cover the moment in which another
        process closes or recovers the log.
        """
        limit = time.monotonic() + WAIT_SECONDS
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise self._failed(TimeoutError("too many wait"), 0)
        try:
            return self._patiently(work, limit)
        finally:
            self._turn.release()

    def _patiently(self, work: Callable[[sqlite3.Connection], T], limit: float) -> T:
        while True:
            try:
                return self._attempt(work)
            except (sqlite3.Error, OSError) as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code not in BUSY or time.monotonic() > limit:
                    raise self._failed(error, code) from error
            time.sleep(PAUSE_SECONDS)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        private_folder(self.file.parent)
        with shared(self._lock, WAIT_SECONDS):
            return self._transaction(work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        create_private(self.file)
        self._inode = self.file.stat().st_ino
        # Python's own BEGIN is deferred: of two that read and then write, SQLite refuses
        # one without any waiting.
        connection = sqlite3.connect(self.file, timeout=WAIT_SECONDS, isolation_level=None)
        with contextlib.closing(connection) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(self._schema)
            with database:
                database.execute("BEGIN IMMEDIATE")
                return work(database)

    def _failed(self, error: Exception, code: int) -> StoreUnavailable:
        rate_limited_log.warn("%s cannot be used: %s", self.file.name, error)
        if code in BROKEN:
            self._quarantine()
        return StoreUnavailable("this cannot be written down now; try again", retry_after=1)

    def _quarantine(self) -> None:
        """Rename the file together with its log, which SQLite would write into the next one.

        While nobody has it open, and only if it is the one that was found broken: another process may have
        set that aside, and written into the next one, a moment ago.
        """
        stamp = time.time_ns()
        try:
            with exclusive(self._lock, WAIT_SECONDS):
                if self.file.stat().st_ino != self._inode:
                    return
                for part in self.file.parent.glob(f"{self.file.name}*"):
                    # The pattern finds those of earlier times too.
                    if ".corrupt-" not in part.name:
                        part.replace(part.with_name(f"{part.name}.corrupt-{stamp}"))
        except OSError as error:
            rate_limited_log.warn("%s cannot be set aside: %s", self.file.name, error)
