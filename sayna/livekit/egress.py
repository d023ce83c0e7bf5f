"""Recording the audio of rooms, which LiveKit's egress service does."""

from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import EgressUnanswered, EgressUnavailable, RecordingFailed, SaynaError
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, RoomNotFound
from sayna.livekit.ownership import owner_of

if TYPE_CHECKING:
    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

# LiveKit's code for an egress that has ended already.
ENDED = "failed_precondition"
# EGRESS_FAILED and EGRESS_ABORTED by number: importing livekit-api costs 230 ms and 32 MB (measured).
FAILED, ABORTED = 4, 5
NO_EGRESS = "LiveKit has no free egress service; check that one is running"


class Egress:
    """Starts and stops recordings; raises LiveKitUnavailable without an answer within `seconds`."""

    def __init__(self, bridge: "Bridge[Rpc]", seconds: float) -> None:
        self._bridge = bridge
        self._seconds = seconds

    def check_room(self, caller: Caller, name: str) -> None:
        """Raise RoomNotFound unless the room is open and the caller may access it."""
        room = self._bridge.run(lambda rpc: rpc.room(name), self._seconds)
        if room is None or not caller.may_access(owner_of(room.metadata)):
            raise RoomNotFound("no open room of yours has this name")

    def start(self, room: str, filepath: str, place: RecordingConfig) -> str:
        """Begin a recording and return its id.

        Raises RoomNotFound, RecordingFailed, EgressUnavailable, and EgressUnanswered when it may record.
        LiveKit 1.13.5 looks for an egress service for 23 s, with Redis or without. Without Redis it refuses
        the list at once, so ask for the list first.
        """
        # An earlier start without an answer may be recording: a second egress would overwrite its file.
        if running := self.find(room, filepath):
            return running
        try:
            return self._bridge.run(lambda rpc: rpc.record(room, filepath, place), self._seconds)
        except LiveKitRefused as refusal:
            raise _translated(refusal) from refusal
        except LiveKitUnavailable as error:
            if not error.may_have_acted:
                raise EgressUnavailable(error.message, retry_after=5) from error
            raise EgressUnanswered(NO_EGRESS, retry_after=5) from error

    def stop(self, egress_id: str) -> None:
        """End a recording; raises RecordingFailed when it had ended without audio, EgressUnavailable."""
        try:
            self._bridge.run(lambda rpc: rpc.stop_recording(egress_id), self._seconds)
        except LiveKitRefused as refusal:
            if refusal.twirp_code != ENDED:
                raise _translated(refusal) from refusal
            self._check_outcome(egress_id)

    def find(self, room: str, filepath: str) -> str | None:
        """Return the id of the running egress that records the room to this path, or None."""
        try:
            running = self._bridge.run(lambda rpc: rpc.recordings(room=room), self._seconds)
        except LiveKitRefused as refusal:
            raise _translated(refusal) from refusal
        outputs = ((info.egress_id, file) for info in running for file in info.room_composite.file_outputs)
        return next((egress_id for egress_id, file in outputs if file.filepath == filepath), None)

    def _check_outcome(self, egress_id: str) -> None:
        ended = self._bridge.run(lambda rpc: rpc.recordings(egress_id=egress_id), self._seconds)
        if any(info.status in (FAILED, ABORTED) for info in ended):
            raise RecordingFailed("the recording failed before it was stopped; check that the room had participants")


def _translated(refusal: LiveKitRefused) -> SaynaError:
    """Return the error for a Twirp code; LiveKit without Redis answers `internal`."""
    if refusal.twirp_code == "not_found":
        return RoomNotFound("LiveKit does not know this room or recording any more")
    if refusal.twirp_code in ("unavailable", "resource_exhausted"):
        return EgressUnavailable(NO_EGRESS, retry_after=5)
    return RecordingFailed("LiveKit does not record this room; check its egress service and its Redis")
