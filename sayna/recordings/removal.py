"""Removing recordings: the audio, the manifest of LiveKit's egress, and last the owner."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

from sayna.caller import Caller
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.log import emit
from sayna.recordings.endings import Endings
from sayna.recordings.errors import RecordingActive, RecordingNotFound
from sayna.recordings.library import Library, check_stream_id
from sayna.recordings.owners import Owner
from sayna.storage import StorageUnavailable
from sayna.storage.base import KEY_PART

logger = logging.getLogger("sayna.recordings")


class Remover:
    """Removes recordings that are over; `endings` is None where LiveKit is not configured."""

    def __init__(self, library: Library, endings: Endings | None) -> None:
        self._library = library
        self._endings = endings

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
        if self._endings is None:
            raise LiveKitNotConfigured("LiveKit is not configured, so this server cannot tell whether it is over")
        return self._endings.settle(stream_id, owner)

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
