"""How SQLite and diskcache say that something is wrong, and what of it passes with patience."""

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

import diskcache

# A reader would rather render anew than wait.
BUSY_SECONDS = 0.1
# With 50 ms, 599 writes failed in a storm of 4 processes and 16 threads each; with 60 s, none (measured).
WRITE_SECONDS = 5.0

FAULTS = (sqlite3.Error, OSError, diskcache.Timeout)

T = TypeVar("T")

_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNFIT = _BROKEN | {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
}


def is_broken(error: BaseException) -> bool:
    """Whether a database that was good when it was opened is none any more."""
    # A database that an empty one was put in place of has no such table, which SQLite calls a plain error.
    return _code(error) in _BROKEN or str(error).startswith("no such")


def is_unfit(error: BaseException) -> bool:
    """Whether a file cannot be opened because it is no database, or not one of diskcache's."""
    return not isinstance(error, sqlite3.Error) or _code(error) in _UNFIT


def patiently(operation: Callable[[], T]) -> T:
    """Return what a write returns, tried for WRITE_SECONDS while others hold the lock; raises FAULTS."""
    limit = time.monotonic() + WRITE_SECONDS
    while True:
        try:
            return operation()
        except diskcache.Timeout as error:
            # diskcache says Timeout for whatever keeps a transaction from beginning, a read-only disk too.
            if not _is_busy(error) or time.monotonic() > limit:
                raise


def _is_busy(error: BaseException | None) -> bool:
    while error is not None and _code(error) != sqlite3.SQLITE_BUSY:
        error = error.__context__
    return error is not None


def _code(error: BaseException) -> int:
    # The low byte is the primary code: https://www.sqlite.org/rescode.html#pve
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
