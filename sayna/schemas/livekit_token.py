"""The body of POST /livekit/token: the guide's form, and that of stock LiveKit clients (TokenSource)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, ValidationError, fields, validate

from sayna.errors import InvalidRequest
from sayna.schemas.base import StrictSchema, StrictString
from sayna.schemas.livekit import TOKEN, Name

THEIRS = ("participant_metadata", "participant_attributes", "room_config")
OURS = ("room_name", "participant_name", "participant_identity")
# Bytes of metadata and attributes in one token, which travels in the query of a URL.
MAX_ABOUT = 64 * 1024
MAX_AGENTS = 10
# LiveKit itself writes attributes with these prefixes, and its services believe them.
RESERVED = ("sip.", "lk.")


@dataclass(frozen=True, slots=True)
class RoomTokenRequest:
    """What a token is for; `about` has the claims `metadata` and `attributes`, `agents` the agents of a new room."""

    room_name: str
    participant_identity: str
    participant_name: str
    about: Mapping[str, Any]
    agents: tuple[Mapping[str, str], ...]


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
    participant_metadata = StrictString(metadata={"description": "At most 64 KiB with the attributes."})
    participant_attributes = fields.Dict(
        keys=StrictString(), values=StrictString(), validate=_check_attributes, metadata={"description": "Strings."}
    )
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
        agents=tuple(wanted.get("room_config", {}).get("agents", ())),
    )
