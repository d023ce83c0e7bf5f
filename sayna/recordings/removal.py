"""Removing recordings, at request and once a day: the audio, the manifest of LiveKit's egress, and last the owner."""

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sayna.caller import Caller
from sayna.errors import SaynaError
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.log import emit
from sayna.recordings.egresses import Egresses
from sayna.recordings.errors import RecordingActive, RecordingNotFound
from sayna.recordings.library import Library, check_stream_id
from sayna.recordings.owners import UNKNOWN_TENANT, Owner
from sayna.storage import KEY_PART, StorageUnavailable

SWEEP_INTERVAL = 86_400.0  # seconds
RETRY_INTERVAL = 3600.0  # seconds

logger = logging.getLogger("sayna.recordings")


class Remover:
    """Removes recordings that are over; `egresses` is None where LiveKit is not configured."""

    def __init__(self, library: Library, egresses: Egresses | None) -> None:
        self._library = library
        self._egresses = egresses

    def purge(self, caller: Caller, stream_id: str) -> None:
        """Remove a recording of the caller.

        Raises InvalidStreamId, RecordingNotFound, RecordingActive, StorageUnavailable and the errors of LiveKit.
        """
        owner = self._library.owners.read(check_stream_id(stream_id))
        # A tenant may read a recording without an owner, but not remove it.
        if not caller.may_access(owner.auth_id if owner else None):
            raise RecordingNotFound
        if owner is None and not self._library.has_audio(stream_id):
            raise RecordingNotFound
        if owner is not None:
            owner = self.settled(stream_id, owner)
            if owner.outcome is None and owner.room_name:
                raise RecordingActive("this recording runs; stop it first")
        self.remove(stream_id, owner, reason="purge")

    def settled(self, stream_id: str, owner: Owner) -> Owner:
        """Return the owner with the outcome of a recording that is over; raises LiveKitNotConfigured."""
        if owner.outcome is not None or not owner.room_name:
            return owner
        if self._egresses is None:
            raise LiveKitNotConfigured("LiveKit is not configured, so this server cannot tell whether it is over")
        return self._egresses.settle(stream_id, owner)

    def remove(self, stream_id: str, owner: Owner | None, *, reason: str) -> None:
        """Remove the recording of this owner; raises StorageUnavailable, also when its note has just changed."""
        files = ["audio.ogg"]
        if owner is not None:
            # The note changes first, so of several requests one removes, and a new recording is never removed.
            claimed = replace(owner, removed_at=datetime.now(UTC).isoformat())
            if not self._library.owners.replace(stream_id, owner, claimed):
                raise StorageUnavailable("another request is changing this recording; try again", retry_after=1)
            manifest = f"{owner.egress_id}.json"
            # The owner goes last: without it, audio that is left would belong to every tenant.
            files += [manifest] * bool(KEY_PART.fullmatch(manifest)) + ["owner.json"]
        for name in files:
            self._library.delete(stream_id, name)
        emit(logger, logging.INFO, "recording_removed", stream_id=stream_id, reason=reason)

    def keep_swept(self, days: int, stop: threading.Event) -> None:
        """Sweep once a day until `stop` is set; after a failure of the store, sweep again in an hour."""
        while not stop.is_set():
            try:
                self.sweep(days, stop)
                stop.wait(SWEEP_INTERVAL)
            except SaynaError as error:
                emit(logger, logging.WARNING, "recordings_not_swept", fault=type(error).__name__)
                stop.wait(RETRY_INTERVAL)

    def sweep(self, days: int, stop: threading.Event) -> int:
        """Remove recordings that Sayna started, that are over, and whose audio is older; return how many.

        Audio without `owner.json` stays, because Sayna did not record it. A recording without audio counts from
        the last change of its `owner.json`. Raises StorageUnavailable when the store cannot be listed.
        """
        oldest = datetime.now(UTC) - timedelta(days=days)
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
        owner = self.settled(stream_id, owner)
        if owner.outcome is None:
            return False
        self.remove(stream_id, owner, reason="retention")
        return True
