"""The only rows that diskcache may write and read here: a str key and a bytes value, both inline.

diskcache 5.6.3 unpickles values and reads or removes any file that a row names (CVE-2025-69872, no fixed
release). This cache stores every value in its row, so a row with a file name or a pickle was planted.
"""

import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

import diskcache

log = logging.getLogger("sayna.cache")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key that this cache never wrote; its only use is to remove its row."""

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
