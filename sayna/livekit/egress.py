"""Recording the audio of rooms, which LiveKit's egress service does."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import EgressUnanswered, EgressUnavailable, RecordingFailed, SaynaError
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, RoomNotFound
from sayna.livekit.ownership import owner_of

if TYPE_CHECKING:
    from livekit.protocol import egress

    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

# LiveKit's codes for an egress that is stopped or over already, and for one that it does not know.
STOPPED, UNKNOWN = "failed_precondition", "not_found"
NO_EGRESS = "LiveKit has no free egress service; check that one is running"


class EgressState(StrEnum):
    """What an egress does now; the values of the last two are the contract's outcomes."""

    RUNNING = "running"
    # It was stopped, and may still write its file.
    ENDING = "ending"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether the egress writes no more."""
        return self in (EgressState.COMPLETE, EgressState.FAILED)


# In the order of LiveKit's numbers, because importing livekit-api costs 230 ms and 32 MB (measured):
# https://docs.livekit.io/reference/other/egress/api/ . LIMIT_REACHED stores what was recorded until then.
STATES = {
    "EGRESS_STARTING": EgressState.RUNNING,
    "EGRESS_ACTIVE": EgressState.RUNNING,
    "EGRESS_ENDING": EgressState.ENDING,
    "EGRESS_COMPLETE": EgressState.COMPLETE,
    "EGRESS_FAILED": EgressState.FAILED,
    "EGRESS_ABORTED": EgressState.FAILED,
    "EGRESS_LIMIT_REACHED": EgressState.COMPLETE,
}


@dataclass(frozen=True, slots=True)
class EgressReport:
    """What LiveKit says of one egress; `filepath` is empty for one that writes no single file."""

    id: str
    room: str
    filepath: str
    state: EgressState
    started_at: datetime | None = None
    ended_at: datetime | None = None
    # LiveKit's own sentence: it is for the log, because it may hold paths.
    error: str = ""


def state_of(status: int | str) -> EgressState:
    """Return the state for LiveKit's number or name; raises TypeError for another type."""
    if type(status) is int:
        status = dict(enumerate(STATES)).get(status, "")
    if type(status) is not str:
        raise TypeError("the status of an egress is a number or a name")
    # A newer LiveKit may know more states. RUNNING is the safe one: a running recording is never removed.
    return STATES.get(status, EgressState.RUNNING)


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
        if earlier := self.find(room, filepath):
            if earlier.state is EgressState.ENDING:
                raise EgressUnanswered("the recording of this name is being stopped", retry_after=5)
            return earlier.id
        try:
            return self._bridge.run(lambda rpc: rpc.record(room, filepath, place), self._seconds)
        except LiveKitRefused as refusal:
            raise _translated(refusal) from refusal
        except LiveKitUnavailable as error:
            if not error.may_have_acted:
                raise EgressUnavailable(error.message, retry_after=5) from error
            raise EgressUnanswered(NO_EGRESS, retry_after=5) from error

    def stop(self, egress_id: str) -> EgressReport | None:
        """End a recording and return its state, or None when LiveKit does not know it; raises EgressUnavailable."""
        try:
            return _report(self._bridge.run(lambda rpc: rpc.stop_recording(egress_id), self._seconds))
        except LiveKitRefused as refusal:
            if refusal.twirp_code not in (STOPPED, UNKNOWN):
                raise _translated(refusal) from refusal
        return self.state(egress_id)

    def state(self, egress_id: str) -> EgressReport | None:
        """Return the state of an egress, or None when LiveKit does not know it; LiveKit forgets 24 h after the end."""
        try:
            found = self._bridge.run(lambda rpc: rpc.recordings(egress_id=egress_id), self._seconds)
        except LiveKitRefused as refusal:
            if refusal.twirp_code == UNKNOWN:
                return None
            raise _translated(refusal) from refusal
        return next((_report(info) for info in found if info.egress_id == egress_id), None)

    def find(self, room: str, filepath: str) -> EgressReport | None:
        """Return the egress that records the room to this path, running or being stopped, or None."""
        return next((report for report in self.active(room) if report.filepath == filepath), None)

    def active(self, room: str = "") -> list[EgressReport]:
        """Return what records the room, or any room; those that are being stopped too."""
        try:
            running = self._bridge.run(lambda rpc: rpc.recordings(room=room, active=True), self._seconds)
        except LiveKitRefused as refusal:
            raise _translated(refusal) from refusal
        return [_report(info) for info in running]


def _report(info: "egress.EgressInfo") -> EgressReport:
    paths = [file.filepath for file in info.room_composite.file_outputs]
    return EgressReport(
        id=info.egress_id,
        room=info.room_name,
        filepath=paths[0] if len(paths) == 1 else "",
        state=state_of(int(info.status)),
        started_at=_time(info.started_at),
        ended_at=_time(info.ended_at),
        error=info.error,
    )


def _time(nanoseconds: int) -> datetime | None:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC) if nanoseconds > 0 else None


def _translated(refusal: LiveKitRefused) -> SaynaError:
    """Return the error for a Twirp code; LiveKit without Redis answers `internal`."""
    if refusal.twirp_code == UNKNOWN:
        return RoomNotFound("LiveKit does not know this room or recording any more")
    if refusal.twirp_code in ("unavailable", "resource_exhausted"):
        return EgressUnavailable(NO_EGRESS, retry_after=5)
    return RecordingFailed("LiveKit does not record this room; check its egress service and its Redis")
