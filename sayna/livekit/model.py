"""Rooms, participants and calls, in the contract's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sayna.config import Secret

if TYPE_CHECKING:
    from livekit.protocol import models

# LiveKit's enums by number: importing livekit-api for their names would cost each start 230 ms (measured).
STATES = {0: "JOINING", 1: "JOINED", 2: "ACTIVE", 3: "DISCONNECTED"}
KINDS = {0: "STANDARD", 1: "INGRESS", 2: "EGRESS", 3: "SIP", 4: "AGENT"}
TRACK_KINDS = {0: "AUDIO", 1: "VIDEO", 2: "DATA"}
SOURCES = {1: "CAMERA", 2: "MICROPHONE", 3: "SCREEN_SHARE", 4: "SCREEN_SHARE_AUDIO"}
DISCONNECT_REASONS = dict(
    enumerate(
        (
            "UNKNOWN_REASON", "CLIENT_INITIATED", "DUPLICATE_IDENTITY", "SERVER_SHUTDOWN", "PARTICIPANT_REMOVED",
            "ROOM_DELETED", "STATE_MISMATCH", "JOIN_FAILURE", "MIGRATION", "SIGNAL_CLOSE", "ROOM_CLOSED",
            "USER_UNAVAILABLE", "USER_REJECTED", "SIP_TRUNK_FAILURE", "CONNECTION_TIMEOUT", "MEDIA_FAILURE",
            "AGENT_ERROR",
        )
    )
)  # fmt: skip
# Attributes that LiveKit SIP sets, and that no phone caller can set.
CALL_ID = "sip.callID"
CALL_STATUS = "sip.callStatus"
# Newer servers know more kinds (CONNECTOR is 7, BRIDGE 8); the contract has no words for them.
UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class AgentDispatch:
    """An agent for a new room, and the metadata that LiveKit gives to the agent."""

    agent_name: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """A room that LiveKit holds open; `creation_time` is in seconds since the epoch."""

    sid: str
    name: str
    num_participants: int
    max_participants: int
    creation_time: int
    metadata: str
    active_recording: bool

    @classmethod
    def of(cls, room: "models.Room") -> "Room":
        """Return the room of LiveKit's message."""
        return cls(**{name: getattr(room, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Track:
    """What a participant publishes; muting needs its `sid`."""

    sid: str
    kind: str
    muted: bool
    source: str

    @classmethod
    def of(cls, info: "models.TrackInfo") -> "Track":
        """Return the track of LiveKit's message."""
        kind, source = TRACK_KINDS.get(info.type, UNKNOWN), SOURCES.get(info.source, UNKNOWN)
        return cls(info.sid, kind, info.muted, source)


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant of a room; `joined_at` is in seconds since the epoch."""

    sid: str
    identity: str
    name: str
    state: str
    kind: str
    joined_at: int
    metadata: str
    attributes: Mapping[str, str]
    is_publisher: bool
    tracks: tuple[Track, ...]

    @classmethod
    def of(cls, info: "models.ParticipantInfo") -> "Participant":
        """Return the participant of LiveKit's message; an unnamed state or kind is UNKNOWN."""
        return cls(
            sid=info.sid,
            identity=info.identity,
            name=info.name,
            state=STATES.get(info.state, UNKNOWN),
            kind=KINDS.get(info.kind, UNKNOWN),
            joined_at=info.joined_at,
            metadata=info.metadata,
            attributes=dict(info.attributes),
            is_publisher=info.is_publisher,
            tracks=tuple(map(Track.of, info.tracks)),
        )


def microphone(tracks: tuple[Track, ...]) -> str | None:
    """Return the sid of the microphone, otherwise of the only audio track, or None."""
    audio = [track for track in tracks if track.kind == "AUDIO"]
    found = [track for track in audio if track.source == "MICROPHONE"] or audio
    return found[0].sid if len(found) == 1 or (found and found[0].source == "MICROPHONE") else None


@dataclass(frozen=True, slots=True)
class Call:
    """A call from one number to another, and the participant that it becomes in a room; times are in seconds.

    LiveKit plays `dtmf` after the answer, and ends the call after `max_duration`.
    """

    room: str
    identity: str
    name: str
    from_number: str
    to_number: str
    from_name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    dtmf: str = ""
    ringing_timeout: int = 30
    max_duration: int | None = None
    wait_until_answered: bool = False


@dataclass(frozen=True, slots=True)
class Trunk:
    """A SIP server, the user for its digest authentication, how it is reached, and whether the audio is encrypted."""

    address: str
    username: str = ""
    password: Secret | None = None
    transport: str = "auto"
    encryption: str = "disable"


@dataclass(frozen=True, slots=True)
class CallState:
    """A call as its participant's attributes tell it: its id, and `dialing`, `ringing`, `active` or `ended`."""

    sip_call_id: str
    status: str

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> "CallState":
        """Return the state; LiveKit SIP says automation while it plays DTMF, and hangup at the end."""
        words = {"automation": "active", "active": "active", "ringing": "ringing", "hangup": "ended"}
        return cls(attributes.get(CALL_ID, ""), words.get(attributes.get(CALL_STATUS, ""), "dialing"))


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that has begun: LiveKit's ids of the participant and of the call."""

    participant_id: str
    sip_call_id: str


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """How a transfer ended: a word such as `completed` or `busy`, and the SIP status of the far end, if any."""

    word: str
    sip_status: int | None = None

    def __str__(self) -> str:
        return f"{self.word} ({self.sip_status})" if self.sip_status else self.word


# RFC 3261, section 21. 487 ends a call that rang too long.
SIP_WORDS = {
    404: "unknown_number", 408: "no_answer", 480: "no_answer", 486: "busy", 487: "no_answer", 600: "busy",
    603: "declined", 604: "unknown_number",
}  # fmt: skip


def sip_word(status: int) -> str:
    """Return the word for a SIP status that ended a call or a transfer."""
    return SIP_WORDS.get(status, "rejected")
