"""What diskcache may put into and take out of its database: one str key and one bytes value, both inline.

diskcache 5.6.3 unpickles what it finds and reads or removes any file that a row names (CVE-2025-69872, no
fixed release). Here every value lies in its row: a row that names a file or holds a pickle is an intruder.
"""

import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

import diskcache

log = logging.getLogger("sayna.cache")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key that we never wrote; it serves for removing its row and for nothing else."""

    key: object
    raw: int


class InlineDisk(diskcache.Disk):  # type: ignore[misc]
    """A diskcache.Disk that never pickles, never unpickles and never touches a file."""

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
        # Inline: 100 kB cost 0.15 ms to write, as diskcache's own file 2.5-3.8 ms, and no
        # less to read (measured).
        return 0, diskcache.core.MODE_RAW, None, sqlite3.Binary(value)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes:
        """Return the blob of a row, or an empty one (which decodes to nothing) for a row that is not ours."""
        if mode == diskcache.core.MODE_PICKLE or filename is not None:
            log.critical("a row that would run code or read a file was planted in the audio cache; it is refused")
            return b""
        return value if isinstance(value, bytes) else b""

    def remove(self, file_path: str) -> None:
        """Leave the file alone: a row that names one is not ours, and neither is the file."""


def settings(max_bytes: int) -> dict[str, int]:
    """Return how diskcache keeps within its bytes, with a log (-wal) of 5 % of them at most."""
    log_bytes = min(4 * 2**20, max_bytes // 20)
    return {
        "size_limit": max_bytes,
        # diskcache's own: so many old rows go with each new one, and no write waits for a great cleaning.
        "cull_limit": 10,
        # Statistics, like any eviction by use, would turn each hit into a write.
        "statistics": 0,
        # A cache may be lost with the power, and not syncing makes writes a fifth faster.
        "sqlite_synchronous": 0,
        "sqlite_journal_size_limit": log_bytes,
        "sqlite_wal_autocheckpoint": max(1, log_bytes // 4096),
    }
