"""Answers of the LiveKit endpoints."""

from marshmallow import fields

from sayna.schemas.base import AnswerSchema, StrictBoolean, StrictString
from sayna.schemas.words import one_of, text, whole


class RoomTokenSchema(AnswerSchema):
    """A token for one room, under our names and under those of stock LiveKit clients."""

    token = text("Signed JWT; lets its holder join this room, speak, listen and send data, and no more.")
    room_name = text()
    participant_identity = text()
    livekit_url = text("Where the participant connects.")
    participant_token = text("The same as `token`.")
    server_url = text("The same as `livekit_url`.")


class RoomSummarySchema(AnswerSchema):
    """A room in the list."""

    name = text()
    num_participants = whole("Who is in it now.")
    creation_time = whole("Seconds since 1970.")


class RoomsSchema(AnswerSchema):
    """The caller's rooms."""

    rooms = fields.List(fields.Nested(RoomSummarySchema))


class ParticipantDetailsSchema(AnswerSchema):
    """Somebody in a room."""

    sid = text()
    identity = text()
    name = text()
    state = one_of("JOINING", "JOINED", "ACTIVE", "DISCONNECTED", "UNKNOWN")
    kind = one_of("STANDARD", "AGENT", "SIP", "EGRESS", "INGRESS", "UNKNOWN")
    joined_at = whole("Seconds since 1970.")
    metadata = text()
    attributes = fields.Dict(values=StrictString())
    is_publisher = StrictBoolean()


class RoomDetailsSchema(RoomSummarySchema):
    """A room and who is in it."""

    sid = text()
    max_participants = whole("0 is no limit.")
    metadata = text()
    active_recording = StrictBoolean()
    participants = fields.List(fields.Nested(ParticipantDetailsSchema))


class RemovedSchema(AnswerSchema):
    """Who was removed."""

    status = one_of("removed")
    room_name = text()
    participant_identity = text()


class MutedSchema(AnswerSchema):
    """The track, and whether it is muted now."""

    room_name = text()
    participant_identity = text()
    track_sid = text()
    muted = StrictBoolean(metadata={"description": "As LiveKit says."})


class ReceivedSchema(AnswerSchema):
    """The event is taken in."""

    status = one_of("received")
