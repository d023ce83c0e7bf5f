"""Answers of the SIP endpoints."""

from marshmallow import fields

from sayna.schemas.base import AnswerSchema
from sayna.schemas.words import one_of, text


class PlacedCallSchema(AnswerSchema):
    """A call that rings, or will ring in a moment."""

    status = one_of("initiated")
    room_name = text()
    participant_identity = text()
    participant_id = text("LiveKit's id of the telephone in the room.")
    sip_call_id = text("LiveKit's id of the call.")


class TransferredSchema(AnswerSchema):
    """A transfer that is done, or under way."""

    status = one_of("initiated", "completed")
    room_name = text()
    participant_identity = text()
    transfer_to = text("The number as a URI: `tel:` and its digits.")


class ListedHookSchema(AnswerSchema):
    """The hook that gets events of calls for one domain."""

    host = text()
    url = text()
    auth_id = text("Empty when no tenant owns the hook.")


class HookListSchema(AnswerSchema):
    """The caller's hooks, sorted by host."""

    hooks = fields.List(fields.Nested(ListedHookSchema))
