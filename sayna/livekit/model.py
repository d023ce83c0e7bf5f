"""Rooms, participants and calls, in the contract's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sayna.config import Secret, SipConfig
from sayna.livekit.ownership import owner_of

if TYPE_CHECKING:
    from livekit.protocol import models

# LiveKit's enums by number: importing livekit-api for their names would cost each start 230 ms (measured).
STATES = {0: "JOINING", 1: "JOINED", 2: "ACTIVE", 3: "DISCONNECTED"}
KINDS = {0: "STANDARD", 1: "INGRESS", 2: "EGRESS", 3: "SIP", 4: "AGENT"}
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

    @property
    def owner(self) -> str | None:
        """The tenant that owns the room, or None."""
        return owner_of(self.metadata)


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
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A call from one number to another, and the participant that it becomes in a room."""

    room: str
    identity: str
    name: str
    from_number: str
    to_number: str


@dataclass(frozen=True, slots=True)
class Trunk:
    """A SIP server, and the user to answer its digest authentication with."""

    address: str
    username: str = ""
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that has begun: LiveKit's ids of the participant and of the call."""

    participant_id: str
    sip_call_id: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """Each call from these addresses or networks gets a room whose name begins with `room_prefix`."""

    room_prefix: str
    allowed_addresses: tuple[str, ...]

    @classmethod
    def of(cls, config: SipConfig) -> "Inbound | None":
        """Return the inbound calls of the settings, if SIP_ROOM_PREFIX is set."""
        return cls(config.room_prefix, config.allowed_addresses) if config.room_prefix else None

    @property
    def trunk_name(self) -> str:
        """The name of the trunk in LiveKit."""
        return f"sayna-{self.room_prefix}-trunk"

    @property
    def rule_name(self) -> str:
        """The name of the dispatch rule in LiveKit."""
        return f"sayna-{self.room_prefix}-dispatch"
