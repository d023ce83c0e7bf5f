"""Clips to store, and access to the database past the cache, as an intruder or a fault has it."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sayna.speech.cache import AudioCache, Clip, ClipInfo, cache_key

KEY = cache_key({"text": "hello"})
OTHER = cache_key({"text": "good bye"})


def make_clip(size: int = 4000, **changes: Any) -> Clip:
    fields: dict[str, Any] = {
        "provider": "espeak",
        "voice_id": "en-us",
        "model": "",
        "language": "en-US",
        "audio_format": "linear16",
        "sample_rate": 24000,
        "channels": 1,
        "duration_ms": 83,
        "characters": 5,
        "speaking_rate": 1.0,
        "created": time.time(),
    }
    return Clip(ClipInfo(**{**fields, **changes}), os.urandom(size))


def open_cache(path: Path | None, *, max_bytes: int = 2**24, write_seconds: float = 5.0) -> AudioCache:
    return AudioCache(path, ttl_seconds=100.0, max_bytes=max_bytes, write_seconds=write_seconds)


def tamper(path: Path, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(path / "audio" / "cache.db")) as connection, connection:
        connection.execute(statement, values)


def blob_of(path: Path, key: str) -> bytes:
    with contextlib.closing(sqlite3.connect(path / "audio" / "cache.db")) as connection:
        (blob,) = connection.execute("SELECT value FROM Cache WHERE key = ?", (key,)).fetchone()
    return bytes(blob)
