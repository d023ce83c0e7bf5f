"""The open database of one process: its two connections and the files that they belong to."""

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import diskcache

from sayna.speech.cache.shared_connection import SharedConnection
from sayna.state.files import create_private, open_private, private_folder

# The file whose inode and time tell all processes that entries were removed or replaced.
MARK = "generation"


@dataclass(frozen=True, slots=True)
class Handle:
    """An open database: one connection to read while the other one writes.

    `files` are the inodes of the generation file and of the database. The descriptor `pin` and the
    connections keep these inodes from being reused.
    """

    pid: int
    files: tuple[int, int]
    pin: int
    reader: SharedConnection
    writer: SharedConnection

    def close(self) -> None:
        """Close everything, each connection after its current use."""
        for connection in (self.reader, self.writer):
            with connection.turn:
                connection.close()
        os.close(self.pin)


def inodes(folder: Path) -> tuple[int, int] | None:
    """Return the inodes of the files that are there now; None when one is missing or the database is empty."""
    try:
        # os.stat, because a Path costs twice as much, and this is every look at the disk.
        mark, database = os.stat(f"{folder}/{MARK}"), os.stat(f"{folder}/{diskcache.core.DBNAME}")  # noqa: PTH116
    except OSError:
        return None
    return (mark.st_ino, database.st_ino) if database.st_size else None


def open_handle(folder: Path, max_bytes: int, seconds: float) -> Handle:
    """Return the open database in `folder`, made when missing.

    Raises one of FAULTS within about `seconds`, and ValueError or TypeError for a database of another program.
    """
    database = private_folder(folder) / diskcache.core.DBNAME
    if database.exists() and not database.stat().st_size and list(folder.glob("*-wal")):
        # Processes that have the old database open would lock the new one for ever.
        raise ValueError("the database was emptied")
    # SQLite gives its -wal and -shm files the mode of the database, whatever the umask.
    create_private(database)
    _probe(database, seconds)
    with contextlib.ExitStack() as opened:
        pin = open_private(folder / MARK)
        opened.callback(os.close, pin)
        # Not FanoutCache: with its timeout of 10 ms it lost 174 of some 2,200 writes silently (measured).
        reader = SharedConnection(folder, max_bytes)
        opened.callback(reader.close)
        writer = SharedConnection(folder, max_bytes)
        opened.callback(writer.close)
        if (files := inodes(folder)) is None:
            raise FileNotFoundError("the files of the audio cache vanished while they were opened")
        opened.pop_all()
    return Handle(os.getpid(), files, pin, reader, writer)


def _probe(database: Path, seconds: float) -> None:
    """Raise sqlite3.Error for an unusable database within `seconds`; diskcache itself may take minutes."""
    with contextlib.closing(sqlite3.connect(database, timeout=seconds, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
