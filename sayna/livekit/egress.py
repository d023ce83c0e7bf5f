"""Recording the sound of rooms, which LiveKit leaves to its egress service."""

from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import EgressUnanswered, EgressUnavailable, RecordingFailed, SaynaError
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, RoomNotFound
from sayna.livekit.ownership import owner_of

if TYPE_CHECKING:
    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

# What LiveKit says of an egress that has ended already.
OVER = "failed_precondition"
# EGRESS_FAILED and EGRESS_ABORTED by number: to import livekit-api costs 230 ms and 32 MB (measured).
FAILED, ABORTED = 4, 5
NOBODY = "no egress service takes the recording on; is one running?"


class Egress:
    """What may be asked of the egress service; every answer within `seconds`, or LiveKitUnavailable."""

    def __init__(self, bridge: "Bridge[Rpc]", seconds: float) -> None:
        self._bridge = bridge
        self._seconds = seconds

    def check_room(self, visitor: Caller, name: str) -> None:
        """Raise RoomNotFound unless the room is open and the visitor's."""
        room = self._bridge.run(lambda rpc: rpc.room(name), self._seconds)
        if room is None or not visitor.may_access(owner_of(room.metadata)):
            raise RoomNotFound("there is no such room, or it is not yours")

    def start(self, room: str, filepath: str, place: RecordingConfig) -> str:
        """Begin a recording and return its id; raises RoomNotFound, RecordingFailed, EgressUnavailable.

        Raises EgressUnanswered when LiveKit may have started the egress all the same.

        LiveKit 1.13.5 looks for an egress service for 23 s, Redis or not; a list it refuses at once where
        there is no Redis. So the list is asked first, and a start that is not answered is one nobody took on.
        """
        # An earlier start may have gone unanswered and record all the same; two would write over each other.
        if running := self.find(room, filepath):
            return running
        try:
            return self._bridge.run(lambda rpc: rpc.record(room, filepath, place), self._seconds)
        except LiveKitRefused as refusal:
            raise _translated(refusal) from refusal
        except LiveKitUnavailable as error:
            raise EgressUnanswered(NOBODY, retry_after=5) from error

    def stop(self, egress_id: str) -> None:
        """End a recording; raises RecordingFailed when it had ended without audio, EgressUnavailable."""
        try:
            self._bridge.run(lambda rpc: rpc.stop_recording(egress_id), self._seconds)
        except LiveKitRefused as refusal:
            if refusal.twirp_code != OVER:
                raise _translated(refusal) from refusal
            self._check_outcome(egress_id)

    def find(self, room: str, filepath: str) -> str | None:
        """Return the id of the egress that records the room to this path now, if there is one."""
        try:
            running = self._bridge.run(lambda rpc: rpc.recordings(room=room), self._seconds)
        except LiveKitRefused as refusal:
            raise _translated(refusal) from refusal
        outputs = ((info.egress_id, file) for info in running for file in info.room_composite.file_outputs)
        return next((egress_id for egress_id, file in outputs if file.filepath == filepath), None)

    def _check_outcome(self, egress_id: str) -> None:
        ended = self._bridge.run(lambda rpc: rpc.recordings(egress_id=egress_id), self._seconds)
        if any(info.status in (FAILED, ABORTED) for info in ended):
            raise RecordingFailed("the recording had failed before it was stopped; was the room empty?")


def _translated(refusal: LiveKitRefused) -> SaynaError:
    """Say by the Twirp code what is wrong; `internal` is also what LiveKit without Redis answers."""
    if refusal.twirp_code == "not_found":
        return RoomNotFound("LiveKit knows no such room or recording any more")
    if refusal.twirp_code in ("unavailable", "resource_exhausted"):
        return EgressUnavailable(NOBODY, retry_after=5)
    return RecordingFailed("LiveKit does not record this room; is its egress installed, and Redis set?")
