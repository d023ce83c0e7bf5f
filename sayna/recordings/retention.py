"""RECORDING_RETENTION_DAYS: one worker removes old recordings, once a day."""

import logging
import threading
from datetime import UTC, datetime, timedelta

from sayna.errors import SaynaError
from sayna.log import emit
from sayna.recordings.library import Library
from sayna.recordings.owners import UNKNOWN_TENANT
from sayna.recordings.removal import Remover

SWEEP_INTERVAL = 86_400.0  # seconds
RETRY_INTERVAL = 3600.0  # seconds

logger = logging.getLogger("sayna.recordings")


class RetentionSweeper:
    """Removes recordings that Sayna started, that are over, and whose audio is older than `days`.

    Audio without `owner.json` stays, because Sayna did not record it. A recording without audio counts from
    the last change of its `owner.json`.
    """

    def __init__(self, library: Library, remover: Remover, days: int) -> None:
        self._library = library
        self._remover = remover
        self._days = days

    def run(self, stop: threading.Event) -> None:
        """Sweep once a day until `stop` is set; after a failure of the store, sweep again in an hour."""
        while not stop.is_set():
            try:
                self.sweep(stop)
                stop.wait(SWEEP_INTERVAL)
            except SaynaError as error:
                emit(logger, logging.WARNING, "recordings_not_swept", fault=type(error).__name__)
                stop.wait(RETRY_INTERVAL)

    def sweep(self, stop: threading.Event) -> int:
        """Return how many recordings were removed; raises StorageUnavailable when the store cannot be listed."""
        oldest = datetime.now(UTC) - timedelta(days=self._days)
        removed = failed = 0
        for stream_id, files in self._library.folders():
            if stop.is_set():
                break
            dated = files.get("audio.ogg") or files.get("owner.json")
            if dated is None or "owner.json" not in files or dated.modified > oldest:
                continue
            try:
                removed += self._removed(stream_id)
            except SaynaError:
                # One recording that cannot be removed must not keep all others.
                failed += 1
        emit(logger, logging.INFO, "recordings_swept", removed=removed, failed=failed)
        return removed

    def _removed(self, stream_id: str) -> bool:
        owner = self._library.owners.read(stream_id)
        if owner is None or owner.auth_id == UNKNOWN_TENANT or not owner.room_name:
            return False
        owner = self._remover.settled(stream_id, owner)
        if owner.outcome is None:
            return False
        self._remover.remove(stream_id, owner, reason="retention")
        return True
