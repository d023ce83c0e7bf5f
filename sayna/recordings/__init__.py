"""Recordings of calls: one store, and the callers that may have each recording."""

import logging
from functools import partial

from sayna.config import RecordingConfig
from sayna.recordings.library import Library
from sayna.recordings.removal import Remover
from sayna.state.embedded import SharedState
from sayna.state.leader import LeaderThread
from sayna.storage import open_store

logger = logging.getLogger("sayna.recordings")


def open_library(config: RecordingConfig, secret: bytes) -> Library | None:
    """Return the recordings of the configured store, or None when there is none; nothing connects yet."""
    store = open_store(config)
    if store is None:
        return None
    if reason := store.check().reason:
        logger.warning("RECORDING_LOCAL_PATH: %s", reason)
    return Library(store, config.prefix, strict=config.strict_ownership, secret=secret)


def retention_threads(config: RecordingConfig, remover: Remover | None, state: SharedState) -> tuple[LeaderThread, ...]:
    """Return the daily sweep of RECORDING_RETENTION_DAYS, which one worker of all runs, none when it is off.

    Each machine has its own sweep of recordings in a folder, because the folder may be its own.
    """
    if config.retention_days is None or remover is None:
        return ()
    leader = state.machine_leader if config.backend == "local" else state.leader
    return (LeaderThread(leader, "retention", partial(remover.keep_swept, config.retention_days)),)
