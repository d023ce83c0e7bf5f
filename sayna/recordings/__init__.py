"""Recordings of calls: kept in one store, read by whoever may."""

from sayna.config import RecordingConfig
from sayna.recordings.base import ByteRange, ObjectInfo, ObjectStream, Store
from sayna.recordings.conditions import RangeDecision
from sayna.recordings.library import Library, check
from sayna.recordings.listing import RecordingPage
from sayna.recordings.recorder import Recorder, Session


def open_library(config: RecordingConfig, secret: bytes) -> Library | None:
    """Return the recordings of the configured store, or None when there is none; nothing is connected yet."""
    store = _store(config)
    if store is None:
        return None
    return Library(store, config.prefix, strict=config.strict_ownership, secret=secret)


def _store(config: RecordingConfig) -> Store | None:
    if config.backend == "s3":
        from sayna.recordings.s3 import S3  # noqa: PLC0415 - only the store at hand is loaded

        return S3(config)
    if config.backend == "gcs":
        from sayna.recordings.gcs import GCS  # noqa: PLC0415

        return GCS(config)
    if config.local_path and config.backend == "local":
        from sayna.recordings.local import Local  # noqa: PLC0415

        return Local(config.local_path, config.prefix)
    return None


__all__ = [
    "ByteRange",
    "Library",
    "ObjectInfo",
    "ObjectStream",
    "RangeDecision",
    "Recorder",
    "RecordingPage",
    "Session",
    "Store",
    "check",
    "open_library",
]
