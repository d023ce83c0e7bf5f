"""Errors of SQLite and diskcache: which mean a broken database, and which pass after a retry."""

import sqlite3
from collections.abc import Iterator

import diskcache

# Timeout of a read: synthesizing anew is better than waiting longer.
BUSY_SECONDS = 0.1
# Longest wait for the reads of other threads before it. A read of 14 MB takes up to 0.1 s on a busy machine, and a
# request that gave up then would pay for speech that is stored.
TURN_SECONDS = 1.0
# Timeout of a write: with 50 ms, 599 writes of 4 processes of 16 threads failed; with 60 s, none (measured).
WRITE_SECONDS = 5.0

FAULTS = (sqlite3.Error, OSError, diskcache.Timeout)

_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNFIT = _BROKEN | {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_FORMAT}


def is_broken(error: BaseException) -> bool:
    """Whether a database that was opened successfully is broken now."""
    # SQLite reports a missing table, after a database was replaced by an empty one, as a plain error.
    return any(_code(each) in _BROKEN or str(each).startswith("no such") for each in _causes(error))


def is_unfit(error: BaseException) -> bool:
    """Whether a file cannot be opened because it is not a database of diskcache."""
    return not isinstance(error, sqlite3.Error) or _code(error) in _UNFIT


def is_busy(error: BaseException) -> bool:
    """Whether other writers held the database or its lock all the time."""
    return any(isinstance(each, TimeoutError) or _code(each) == sqlite3.SQLITE_BUSY for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those it was raised from: diskcache.Timeout hides the error of every failed BEGIN."""
    while error is not None:
        yield error
        error = error.__context__


def _code(error: BaseException) -> int:
    # The low byte is the primary code: https://www.sqlite.org/rescode.html#pve
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
