"""Requests of the LiveKit endpoints; that for a token has the form of the guide, or of stock LiveKit clients."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, ValidationError, fields, validate

from sayna.errors import InvalidRequest
from sayna.livekit.model import AgentDispatch
from sayna.schemas.base import StrictBoolean, StrictSchema, StrictString

MAX_NAME = 128
# LiveKit counts bytes of UTF-8: 128 characters of three bytes are a token that LiveKit refuses.
MAX_NAME_BYTES = 256
# Not C0, C1, line and paragraph separators, and what turns the direction of writing for the text that follows. The
# document has this pattern too, so it is one of JSON Schema as well.
PLAIN = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
CONTROL = re.compile(PLAIN.replace("[^", "["))
VISIBLE = PLAIN.replace("[^", r"[^\s")

THEIRS = ("participant_metadata", "participant_attributes", "room_config")
OURS = ("room_name", "participant_name", "participant_identity")
# Bytes of metadata and attributes in one token, which travels in the query of a URL.
MAX_ABOUT = 64 * 1024
MAX_AGENTS = 10
# LiveKit itself writes attributes with these prefixes, and its services believe them.
RESERVED = ("sip.", "lk.")


def check_name(text: str) -> None:
    """Raise ValidationError unless the text is 1-128 characters, at most 256 bytes, visible and without controls."""
    if not text.strip():
        raise ValidationError("must not be blank")
    if len(text) > MAX_NAME:
        raise ValidationError(f"must have 1 to {MAX_NAME} characters")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise ValidationError(f"must have at most {MAX_NAME_BYTES} bytes of UTF-8")
    if CONTROL.search(text):
        raise ValidationError("must not hold control characters")


def room_name(text: str) -> str:
    """Return the name of a room in a path; raises InvalidRequest."""
    try:
        check_name(text)
    except ValidationError as error:
        raise InvalidRequest(f"room_name {error.messages[0]}") from error
    return text


class Name(StrictString):
    """A name, which must be there unless `required` says otherwise."""

    def __init__(self, *, required: bool = True) -> None:
        limits = {
            "minLength": 1,
            "maxLength": MAX_NAME,
            "pattern": f"^{PLAIN}*{VISIBLE}{PLAIN}*$",
            "description": f"At most {MAX_NAME_BYTES} bytes of UTF-8.",
        }
        super().__init__(required=required, validate=check_name, metadata=limits)


class TokenSchema(StrictSchema):
    """POST /livekit/token."""

    room_name = Name()
    participant_name = Name()
    participant_identity = Name()


class ParticipantSchema(StrictSchema):
    """DELETE /livekit/participant."""

    room_name = Name()
    participant_identity = Name()


class MuteSchema(ParticipantSchema):
    """POST /livekit/participant/mute."""

    track_sid = Name(required=False)
    muted = StrictBoolean(required=True)


TOKEN = TokenSchema()
PARTICIPANT = ParticipantSchema()
MUTE = MuteSchema()


@dataclass(frozen=True, slots=True)
class RoomTokenRequest:
    """What a token is for; `about` has the claims `metadata` and `attributes`, `agents` the agents of a new room."""

    room_name: str
    participant_identity: str
    participant_name: str
    about: Mapping[str, Any]
    agents: Sequence[AgentDispatch]


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if reserved := [name for name in attributes if name.startswith(RESERVED)]:
        raise ValidationError(f"must not hold {reserved[0][:40]}, because LiveKit sets it")


class AgentSchema(StrictSchema):
    """An agent of a new room."""

    agent_name = Name()
    metadata = StrictString()


class RoomConfigSchema(StrictSchema):
    """The settings of a new room: agents only, because others cost money or lift limits."""

    class Meta:
        """Refuse what this server would not do."""

        unknown = RAISE

    agents = fields.List(
        fields.Nested(AgentSchema), validate=validate.Length(0, MAX_AGENTS, error=f"has more than {MAX_AGENTS} entries")
    )


class StockTokenSchema(StrictSchema):
    """What stock LiveKit clients send; a name that is left out is made up."""

    room_name = Name(required=False)
    participant_name = Name(required=False)
    participant_identity = Name(required=False)
    participant_metadata = StrictString()
    participant_attributes = fields.Dict(keys=StrictString(), values=StrictString(), validate=_check_attributes)
    room_config = fields.Nested(RoomConfigSchema)


STOCK_TOKEN = StockTokenSchema()


def load_token(body: Mapping[str, Any]) -> RoomTokenRequest:
    """Return the request of either form; raises InvalidRequest.

    A body with some of the guide's fields and none of LiveKit's own is the guide's, which needs all three.
    """
    given = {name for name, value in body.items() if value is not None}
    if given.isdisjoint(THEIRS) and not given.isdisjoint(OURS):
        return RoomTokenRequest(**TOKEN.parse(body), about={}, agents=())
    wanted = STOCK_TOKEN.parse(body)
    metadata, attributes = wanted.get("participant_metadata", ""), wanted.get("participant_attributes", {})
    if sum(len(text.encode()) for text in (metadata, *attributes, *attributes.values())) > MAX_ABOUT:
        raise InvalidRequest(f"participant_metadata and participant_attributes have more than {MAX_ABOUT} bytes")
    identity = wanted.get("participant_identity") or f"user-{uuid.uuid4()}"
    about = {"metadata": metadata, "attributes": attributes}
    return RoomTokenRequest(
        room_name=wanted.get("room_name") or f"room-{uuid.uuid4()}",
        participant_identity=identity,
        participant_name=wanted.get("participant_name") or identity,
        about={name: value for name, value in about.items() if value},
        agents=[AgentDispatch(**each) for each in wanted.get("room_config", {}).get("agents", ())],
    )
