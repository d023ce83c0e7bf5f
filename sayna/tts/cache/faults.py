"""How SQLite and diskcache say that something is wrong, and what of it passes with patience."""

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

import diskcache

BUSY_SECONDS = 0.1
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
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
