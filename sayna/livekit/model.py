"""Rooms and participants, in the contract's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sayna.config import Secret
from sayna.livekit.ownership import owner_of

if TYPE_CHECKING:
    from livekit.protocol import models

# LiveKit's enums by number: to import livekit-api for their names would cost each start 230 ms (measured).
STATES = {0: "JOINING", 1: "JOINED", 2: "ACTIVE", 3: "DISCONNECTED"}
KINDS = {0: "STANDARD", 1: "INGRESS", 2: "EGRESS", 3: "SIP", 4: "AGENT"}
# Newer servers know more kinds (CONNECTOR is 7, BRIDGE 8); the contract has no words for them.
UNKNOWN = "UNKNOWN"


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

    @property
    def owner(self) -> str | None:
        """The tenant whose room it is, if it is anybody's."""
        return owner_of(self.metadata)


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a room; `joined_at` is in seconds since the epoch."""

    sid: str
    identity: str
    name: str
    state: str
    kind: str
    joined_at: int
    metadata: str
    attributes: Mapping[str, str]
    is_publisher: bool

    @classmethod
    def of(cls, info: "models.ParticipantInfo") -> "Participant":
        """Return the participant of LiveKit's message; a state or kind without a name of ours is UNKNOWN."""
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
        )


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls whom, through which SIP server and as which of its users, into which room."""

    room: str
    identity: str
    name: str
    from_number: str
    to_number: str
    address: str
    username: str
    password: Secret | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that has begun: LiveKit's ids of the participant and of the call."""

    participant_id: str
    sip_call_id: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """Calls from these addresses or networks each get a room whose name begins with `room_prefix`."""

    room_prefix: str
    allowed_addresses: tuple[str, ...]

    @property
    def trunk_name(self) -> str:
        """What the trunk is called in LiveKit."""
        return f"sayna-{self.room_prefix}-trunk"

    @property
    def rule_name(self) -> str:
        """What the dispatch rule is called in LiveKit."""
        return f"sayna-{self.room_prefix}-dispatch"
