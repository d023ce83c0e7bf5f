"""The state of an egress, as LiveKit's list and LiveKit's events give it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
