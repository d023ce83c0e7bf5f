"""The database on disk: opened late and once per process, and rebuilt when it is broken."""

import contextlib
import itertools
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import diskcache

from sayna.speech.cache.inline_disk import InlineDisk, settings
from sayna.speech.cache.sqlite_errors import (
    BUSY_SECONDS,
    FAULTS,
    WRITE_SECONDS,
    is_broken,
    is_unfit,
    patiently,
)
from sayna.state.files import create_private, exclusive, open_private, private_folder

log = logging.getLogger("sayna.cache")

# While it cannot be opened, a request a second tries; the others are served without a cache.
PAUSE_SECONDS = 1.0
# For whoever wants to know what happened; but a disk that keeps breaking must not fill up with them.
ASIDE_KEPT = 2

_left_behind: list["Handle"] = []


@dataclass(frozen=True, slots=True)
class Handle:
    """An open database; `pin` holds its generation file, so that no later file can have the same inode."""

    pid: int
    inode: int
    pin: int
    cache: diskcache.Cache


class DiskStore:
    """Blobs under str keys in `path`/audio, within `max_bytes`, the first stored out first."""

    def __init__(self, path: Path, *, ttl_seconds: float, max_bytes: int) -> None:
        self.folder = path / "audio"
        self._path = path
        self._mark = str(self.folder / "generation")
        self._ttl = ttl_seconds
        self._max_bytes = max_bytes
        self._handle: Handle | None = None
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def generation(self) -> tuple[int, int] | None:
        """Return what changes with every clear and replacement by any process; None without a folder."""
        try:
            found = os.stat(self._mark)  # noqa: PTH116 - a Path costs twice as much, and this is every hit
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def renew(self) -> None:
        """Tell all processes that what they hold may no longer be true."""
        now = time.time_ns()
        os.utime(self._mark, ns=(now, now))

    @contextlib.contextmanager
    def opened(self, seconds: float = BUSY_SECONDS) -> Iterator[diskcache.Cache]:
        """Lend the open cache; on a fault this thread's connection is closed, a broken database set aside."""
        handle = self._current(seconds)
        try:
            yield handle.cache
        except FAULTS as error:
            # A COMMIT that failed leaves its transaction, and with it the lock on all writers, open.
            handle.cache.close()
            if is_broken(error):
                self._quarantine_once(handle, error)
            raise

    def write(self, key: str, blob: bytes, tag: str) -> None:
        """Store a blob, waiting up to WRITE_SECONDS for other writers; raises one of FAULTS."""
        with self.opened(WRITE_SECONDS) as cache:
            self._make_room(cache, len(blob))
            replaces = key in cache
            patiently(lambda: cache.set(key, blob, expire=self._ttl, tag=tag))
            # Other workers may hold the older clip in memory.
            if replaces:
                self.renew()

    def close(self) -> None:
        """Close what this thread has open; the next use opens it again."""
        with self._lock:
            self._release()

    def _make_room(self, cache: diskcache.Cache, size: int) -> None:
        """Make room for a large blob twice, in the database and in its log, before it is written."""
        # diskcache makes room after it has written: a large blob would go beyond the limit first.
        if size * 20 < self._max_bytes:
            return
        while cache.volume() + 2 * size > self._max_bytes:
            oldest = list(itertools.islice(cache, 10))
            if not sum(patiently(partial(cache.delete, key)) for key in oldest):
                return

    def _current(self, seconds: float) -> Handle:
        handle = self._handle
        if handle is not None and self._is_current(handle):
            return handle
        if seconds <= BUSY_SECONDS and time.monotonic() < self._paused_until:
            raise TimeoutError("the audio cache could not be opened a moment ago")
        if not self._lock.acquire(timeout=seconds):
            raise TimeoutError("the audio cache is being opened by another thread")
        try:
            return self._reopen(seconds)
        except FAULTS:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            raise
        finally:
            self._lock.release()

    def _is_current(self, handle: Handle) -> bool:
        generation = self.generation()
        return handle.pid == os.getpid() and generation is not None and generation[0] == handle.inode

    def _reopen(self, seconds: float) -> Handle:
        if self._handle is None or not self._is_current(self._handle):
            self._release()
            private_folder(self._path)
            with exclusive(self._path / "audio.lock", seconds):
                self._handle = self._open(seconds)
        return self._handle

    def _release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if handle.pid != os.getpid():
            # SQLite connections must not be closed on the other side of a fork, not even by the collector.
            _left_behind.append(handle)
            return
        handle.cache.close()
        os.close(handle.pin)

    def _open(self, seconds: float) -> Handle:
        try:
            return self._build(seconds)
        except (sqlite3.Error, ValueError, TypeError) as error:
            if not is_unfit(error):
                raise
            self._quarantine(error)
            return self._build(seconds)

    def _build(self, seconds: float) -> Handle:
        # SQLite gives its -wal and -shm files the mode of the database, whatever the umask.
        database = private_folder(self.folder) / diskcache.core.DBNAME
        create_private(database)
        _probe(database, seconds)
        pin = open_private(Path(self._mark))
        try:
            # Not FanoutCache: with its time-out of 10 ms, 174 of some 2,200 writes were lost
            # without a word (measured).
            cache = diskcache.Cache(
                str(self.folder), timeout=BUSY_SECONDS, disk=InlineDisk, **settings(self._max_bytes)
            )
        except BaseException:
            os.close(pin)
            raise
        return Handle(os.getpid(), os.fstat(pin).st_ino, pin, cache)

    def _quarantine_once(self, handle: Handle, error: BaseException) -> None:
        """Set the database aside, unless another thread or process has done so already."""
        with (
            contextlib.suppress(*FAULTS),
            self._lock,
            exclusive(self._path / "audio.lock", BUSY_SECONDS),
        ):
            if self._handle is handle and self._is_current(handle):
                self._release()
                self._quarantine(error)

    def _quarantine(self, error: BaseException) -> None:
        now = time.time_ns()
        name = time.strftime("audio.corrupt-%Y%m%dT%H%M%S", time.gmtime(now / 1e9)) + f".{now % 10**9:09d}"
        log.error("the audio cache is broken (%s); it is kept as %s and built anew", error, name)
        # The whole folder: a -wal that is left behind would be written into the next database.
        self.folder.rename(self._path / name)
        for old in sorted(self._path.glob("audio.corrupt-*"))[:-ASIDE_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _probe(database: Path, seconds: float) -> None:
    """Find out in time what diskcache, when it opens a database, may take minutes to say."""
    with contextlib.closing(sqlite3.connect(database, timeout=seconds, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
