"""Blobs in the database on disk, which is opened on first use and made anew when it is lost or broken."""

import contextlib
import errno
import itertools
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from sayna.speech.cache.clip import created_of, sound_of
from sayna.speech.cache.handle import MARK, Handle, inodes, open_handle
from sayna.speech.cache.shared_connection import SharedConnection
from sayna.speech.cache.sqlite_errors import (
    BUSY_SECONDS,
    FAULTS,
    TURN_SECONDS,
    WRITE_SECONDS,
    is_broken,
    is_busy,
    is_unfit,
)
from sayna.state.files import Check, check_folder, exclusive, private_folder

log = logging.getLogger("sayna.cache")

# While the database cannot be opened, one request a second tries; the others work without a cache.
PAUSE_SECONDS = 1.0
MAX_QUARANTINED = 2  # databases that are kept for the operator; more of them could fill the disk
CHECK_SECONDS = 0.5  # GET /ready waits this long for other writers
# With less free space than a clip takes, a store would fail.
MIN_FREE_BYTES = 2**18

_inherited: list["Handle"] = []


class DiskStore:
    """Blobs in `path`/audio, within `max_bytes`: forms go first, oldest first. A write waits up to `write_seconds`."""

    def __init__(self, path: Path, *, ttl_seconds: float, max_bytes: int, write_seconds: float = WRITE_SECONDS) -> None:
        self.folder = path / "audio"
        self._path = path
        self._mark = str(self.folder / MARK)
        self._ttl = ttl_seconds
        self._max_bytes = max_bytes
        self._write_seconds = write_seconds
        self._handle: Handle | None = None
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def generation(self) -> tuple[int, int] | None:
        """Return a value that changes when any process clears the cache or replaces an entry; None without a folder."""
        try:
            found = os.stat(self._mark)  # noqa: PTH116 - a Path costs twice as much, and this is every hit
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def renew(self) -> None:
        """Make all processes compare the clips in their memory with the disk."""
        now = time.time_ns()
        os.utime(self._mark, ns=(now, now))

    def reading(self) -> contextlib.AbstractContextManager[SharedConnection]:
        """Lend the connection that reads; raises one of FAULTS within about BUSY_SECONDS."""
        return self._lent("reader", BUSY_SECONDS)

    @contextlib.contextmanager
    def writing(self, seconds: float | None = None) -> Iterator[SharedConnection]:
        """Lend the connection that writes, which waits `seconds` for other writers; raises one of FAULTS."""
        seconds = self._write_seconds if seconds is None else seconds
        with self._lent("writer", seconds) as cache:
            cache.wait_for_writers(seconds)
            yield cache

    def check(self) -> Check:
        """Return `ok` or `warn` when a clip could be stored now; raises one of FAULTS.

        `warn`: the group of the folder may write to it, or other writers held the database all the time.
        """
        private_folder(self._path)
        try:
            with self.writing(CHECK_SECONDS) as cache, cache.transact():
                pass
        except FAULTS as error:
            if not is_busy(error):
                raise
            return "warn"
        free = os.statvfs(self.folder)
        if free.f_bavail * free.f_frsize < MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._check_folders()

    def write(self, key: str, blob: bytes, tag: str) -> object:
        """Store the master of a sound in place of its older take and of all its forms; raises one of FAULTS.

        Return the generation from before: a clear by another process makes the clip old, at whatever moment.
        """
        with self.writing() as cache:
            self._make_room(cache, len(blob))
            generation = self.generation()
            # Other workers may have the older take in memory.
            if cache.replace(key, blob, self._ttl, tag):
                self.renew()
            cache.forget_parameters(len(blob))
            return generation

    def write_form(self, key: str, blob: bytes, tag: str, created: float) -> bool:
        """Store a form if its master is the take of then and leaves room; return whether; raises one of FAULTS."""
        # A client waits for its form: to make it again costs less than to wait for other writers.
        with self.writing(BUSY_SECONDS) as cache:
            # Before the transaction: SQLite frees the pages of removed rows when it ends.
            if not cache.evict_forms(self._max_bytes - 2 * len(blob)):
                return False
            with cache.transact():
                if created_of(cache.get(sound_of(key)) or b"") != created:
                    return False
                cache.set(key, blob, expire=self._ttl, tag=tag)
                cache.demote(key)
            cache.forget_parameters(len(blob))
            return True

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        with self._lock:
            self._release()

    @contextlib.contextmanager
    def _lent(self, name: str, seconds: float) -> Iterator[SharedConnection]:
        """Lend a connection; a fault closes it, and a broken database is quarantined."""
        handle, connection = self._take(name, seconds)
        try:
            try:
                yield connection
            except FAULTS:
                # A failed COMMIT leaves its transaction open, and with it the lock that stops all writers.
                connection.close()
                raise
            finally:
                connection.turn.release()
        except FAULTS as error:
            if is_broken(error):
                self._quarantine_once(handle, error)
            raise

    def _check_folders(self) -> Check:
        """Return `ok` or `warn`; raises PermissionError when a folder is no longer private."""
        # os.stat, because a Path costs twice as much, and this is every look at the disk.
        checks = [check_folder(os.stat(each)) for each in (self._path, self.folder)]  # noqa: PTH116
        if "failed" in checks:
            raise PermissionError(f"{self._path} or {self.folder} is owned or writable by other users")
        return "warn" if "warn" in checks else "ok"

    def _take(self, name: str, seconds: float) -> tuple[Handle, SharedConnection]:
        """Return a connection that is this thread's turn, and its handle; raises TimeoutError after `seconds`."""
        while True:
            handle = self._current(seconds)
            self._check_folders()
            connection: SharedConnection = getattr(handle, name)
            if not connection.turn.acquire(timeout=max(seconds, TURN_SECONDS)):
                raise TimeoutError("the audio cache is in use by other threads")
            # Another thread may have closed the handle meanwhile.
            if handle is self._handle:
                return handle, connection
            connection.turn.release()

    def _make_room(self, cache: SharedConnection, size: int) -> None:
        """Free twice the size of a large blob, for the database and for its log, before it is written."""
        # diskcache evicts after it has written, so a large blob would exceed the limit first.
        if size * 20 < self._max_bytes:
            return
        if cache.evict_forms(self._max_bytes - 2 * size):
            return
        while cache.volume() + 2 * size > self._max_bytes:
            if not sum(map(cache.delete, list(itertools.islice(cache, 10)))):
                return

    def _current(self, seconds: float) -> Handle:
        handle = self._handle
        if self._is_current(handle):
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

    def _is_current(self, handle: Handle | None) -> TypeGuard[Handle]:
        return handle is not None and handle.pid == os.getpid() and handle.files == inodes(self.folder)

    def _reopen(self, seconds: float) -> Handle:
        if self._is_current(self._handle):
            return self._handle
        self._release()
        private_folder(self._path)
        with exclusive(self._path / "audio.lock", seconds):
            try:
                handle = open_handle(self.folder, self._max_bytes, seconds)
            except (sqlite3.Error, ValueError, TypeError) as error:
                if not is_unfit(error):
                    raise
                self._quarantine(error)
                handle = open_handle(self.folder, self._max_bytes, seconds)
        self._handle = handle
        return handle

    def _release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if handle.pid != os.getpid():
            # A child must not close SQLite connections of its parent, nor let the garbage collector do so.
            _inherited.append(handle)
            return
        handle.close()

    def _quarantine_once(self, handle: Handle, error: BaseException) -> None:
        """Quarantine the database, unless another thread or process has done so already."""
        with contextlib.suppress(*FAULTS), self._lock, exclusive(self._path / "audio.lock", BUSY_SECONDS):
            if self._handle is handle and self._is_current(handle):
                self._release()
                self._quarantine(error)

    def _quarantine(self, error: BaseException) -> None:
        now = time.time_ns()
        name = time.strftime("audio.corrupt-%Y%m%dT%H%M%S", time.gmtime(now / 1e9)) + f".{now % 10**9:09d}"
        log.error("the audio cache is broken (%s); it is kept as %s and built anew", error, name)
        # Move the whole folder: SQLite would write a remaining -wal into the next database.
        self.folder.rename(self._path / name)
        for old in sorted(self._path.glob("audio.corrupt-*"))[:-MAX_QUARANTINED]:
            shutil.rmtree(old, ignore_errors=True)
