"""Recordings of calls: one store, and the callers that may have each recording."""

from sayna.config import RecordingConfig
from sayna.recordings.library import Download, Library, check_stream_id
from sayna.recordings.listing import RecordingPage
from sayna.recordings.recorder import Recorder, Session
from sayna.storage import open_store


def open_library(config: RecordingConfig, secret: bytes) -> Library | None:
    """Return the recordings of the configured store, or None when there is none; nothing connects yet."""
    store = open_store(config)
    if store is None:
        return None
    return Library(store, config.prefix, strict=config.strict_ownership, secret=secret)


__all__ = [
    "Download",
    "Library",
    "Recorder",
    "RecordingPage",
    "Session",
    "check_stream_id",
    "open_library",
]
