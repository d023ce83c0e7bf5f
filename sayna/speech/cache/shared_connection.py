"""diskcache with one connection for all threads of a process, and with rows that can do no harm."""

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diskcache

from sayna.speech.cache.sqlite_errors import BUSY_SECONDS
from sayna.speech.cache.stats import Row

# 1 MiB. A clip is read once into the memory of the process; the pages of SQLite would hold it twice.
PAGE_CACHE_KIB = 1024
# To keep less in memory is not worth a new connection.
LARGE_BYTES = 2**20
# No time in epoch seconds is as large, so the store time of a demoted entry is negative.
DEMOTED_SECONDS = 1e10


log = logging.getLogger("sayna.cache")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key that this cache never wrote; its only use is to remove its row."""

    key: object
    raw: int


class InlineDisk(diskcache.Disk):  # type: ignore[misc]
    """A diskcache.Disk that never pickles, never unpickles and never touches a file: each value is in its row.

    diskcache 5.6.3 unpickles values and reads or removes any file that a row names (CVE-2025-69872, no fixed
    release). A row with a file name or a pickle was planted.
    """

    def put(self, key: object) -> tuple[Any, Any]:
        """Return the column values of a key; raises TypeError unless it is a str."""
        if isinstance(key, ForeignKey):
            return key.key, key.raw
        if not isinstance(key, str):
            raise TypeError(f"a cache key is a str, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: int) -> str | ForeignKey:
        """Return the key of a row without ever unpickling it."""
        return key if raw and isinstance(key, str) else ForeignKey(key, raw)

    def store(self, value: bytes, read: bool, key: object = None) -> tuple[int, int, None, memoryview]:
        """Return the columns size, mode, filename and value of a blob."""
        # Inline: writing 100 kB costs 0.15 ms, as a file of diskcache 2.5-3.8 ms; reading costs the same
        # (measured).
        return 0, diskcache.core.MODE_RAW, None, sqlite3.Binary(value)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes:
        """Return the blob of a row, or empty bytes, which never decode, for a planted row."""
        if mode == diskcache.core.MODE_PICKLE or filename is not None:
            log.critical("a row that would run code or read a file was planted in the audio cache; it is refused")
            return b""
        return value if isinstance(value, bytes) else b""

    def remove(self, file_path: str) -> None:
        """Leave the file alone: a row that names a file was planted."""


class SharedConnection(diskcache.Cache):  # type: ignore[misc]
    """A diskcache.Cache whose one connection serves all threads; a thread holds `turn` while it uses it.

    diskcache 5.6.3 opens a connection for each thread and never closes it: 64 threads took 0.6-1 MB each and
    four descriptors (measured).
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._settings = settings(max_bytes)
        super().__init__(str(folder), timeout=BUSY_SECONDS, disk=InlineDisk, **self._settings)

    @property
    def _con(self) -> sqlite3.Connection:
        if self._connection is None:
            # Without check_same_thread=False, sqlite3 refuses every thread but the one that connected.
            self._connection = sqlite3.connect(
                Path(self.directory) / diskcache.core.DBNAME,
                timeout=self.timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            for name, value in self._settings.items():
                if name.startswith("sqlite_"):
                    self._connection.execute(f"PRAGMA {name.removeprefix('sqlite_')} = {value}")
        return self._connection

    def wait_for_writers(self, seconds: float) -> None:
        """Let each change wait so long for other writers, from now until the connection is closed."""
        self._sql(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def takes(self) -> list[Row]:
        """Count the unexpired sounds of each tag."""
        # The store time of a form is negative; a sound counts once, in however many forms.
        query = "SELECT tag, COUNT(*), MIN(store_time) FROM Cache WHERE expire_time > ? AND store_time > 0 GROUP BY tag"
        return [Row(*row) for row in self._sql(query, (time.time(),))]

    def demote(self, key: str) -> None:
        """Make an entry older than all that are not demoted, because diskcache evicts the oldest first."""
        self._sql("UPDATE Cache SET store_time = store_time - ? WHERE key = ? AND raw = 1", (DEMOTED_SECONDS, key))

    def evict_forms(self, max_bytes: int) -> bool:
        """Remove the oldest demoted entries until the database has at most this size; return whether it has."""
        query = "SELECT key FROM Cache WHERE store_time < 0 ORDER BY store_time LIMIT 10"
        while self.volume() > max_bytes:
            if not (oldest := [key for (key,) in self._sql(query)]):
                return False
            for key in oldest:
                self.delete(key)
        return True

    def largest_of(self, sound: str) -> int | None:
        """Return the bytes of the largest row of a sound, master or form, be it expired or not; None without any."""
        # SQLite knows the length of a blob without reading it.
        query = "SELECT max(length(value)) FROM Cache WHERE key >= ? AND key < ? AND raw = 1"
        largest: int | None = self._sql(query, (sound, f"{sound}/")).fetchone()[0]
        return largest

    def replace(self, sound: str, blob: bytes, ttl_seconds: float, tag: str) -> bool:
        """Store the master of a sound in place of its older take and its forms; return whether there were any."""
        # The slash follows the dot, which ends the key of a sound, in ASCII: these are all keys that begin with both.
        query = "DELETE FROM Cache WHERE key >= ? AND key < ? AND raw = 1"
        with self.transact():
            removed = self._sql(query, (sound, f"{sound}/")).rowcount
            self.set(sound, blob, expire=ttl_seconds, tag=tag)
        return bool(removed)

    def forget_parameters(self, size: int) -> None:
        """Close the connection after a write of many bytes: a prepared statement keeps them until its next use."""
        if size > LARGE_BYTES:
            self.close()

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def settings(max_bytes: int) -> dict[str, int]:
    """Return the settings of diskcache for `max_bytes`, of which the log (-wal) takes at most 5 %.

    Those that begin with `sqlite_` are pragmas of each connection.
    """
    log_bytes = min(4 * 2**20, max_bytes // 20)
    return {
        "size_limit": max_bytes,
        # Each write evicts at most 10 old rows, so no write waits for a long cleanup.
        "cull_limit": 10,
        # Statistics would turn each hit into a write.
        "statistics": 0,
        "sqlite_cache_size": -PAGE_CACHE_KIB,
        # A file that is cut short while it is mapped ends the process with SIGBUS.
        "sqlite_mmap_size": 0,
        # A power failure may lose the cache; without syncing, writes are a fifth faster.
        "sqlite_synchronous": 0,
        "sqlite_journal_size_limit": log_bytes,
        "sqlite_wal_autocheckpoint": max(1, log_bytes // 4096),
    }
