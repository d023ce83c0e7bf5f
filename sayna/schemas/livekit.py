"""Requests and responses of the LiveKit endpoints."""

import re

from marshmallow import ValidationError, fields

from sayna.errors import InvalidRequest
from sayna.schemas.base import (
    DocumentationSchema,
    StrictBoolean,
    StrictSchema,
    StrictString,
    choice_field,
    count_field,
    string_field,
)

MAX_NAME = 128
# LiveKit counts bytes of UTF-8: 128 characters of three bytes are a token that LiveKit refuses.
MAX_NAME_BYTES = 256
# C0, C1, line and paragraph separators, and what turns the direction of writing for the text that follows.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# The same for readers of the reference, in the dialect of JSON Schema.
PLAIN = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
VISIBLE = PLAIN.replace("[^", r"[^\s")


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


class RoomTokenSchema(DocumentationSchema):
    """A token for one room, under our names and under those of stock LiveKit clients."""

    token = string_field("Signed JWT for this room only: join, publish, subscribe and send data.")
    room_name = string_field()
    participant_identity = string_field()
    livekit_url = string_field("URL that the participant connects to.")
    participant_token = string_field("The same as `token`.")
    server_url = string_field("The same as `livekit_url`.")


class RoomSummarySchema(DocumentationSchema):
    """A room in the list."""

    name = string_field()
    num_participants = count_field("Participants in the room now.")
    creation_time = count_field("Seconds since 1970.")


class RoomsSchema(DocumentationSchema):
    """The caller's rooms."""

    rooms = fields.List(fields.Nested(RoomSummarySchema))


class TrackSchema(DocumentationSchema):
    """A track that a participant publishes."""

    sid = string_field()
    kind = choice_field("AUDIO", "VIDEO", "DATA", "UNKNOWN")
    muted = StrictBoolean()
    source = choice_field("CAMERA", "MICROPHONE", "SCREEN_SHARE", "SCREEN_SHARE_AUDIO", "UNKNOWN")


class ParticipantDetailsSchema(DocumentationSchema):
    """A participant of a room."""

    sid = string_field()
    identity = string_field()
    name = string_field()
    state = choice_field("JOINING", "JOINED", "ACTIVE", "DISCONNECTED", "UNKNOWN")
    kind = choice_field("STANDARD", "AGENT", "SIP", "EGRESS", "INGRESS", "UNKNOWN")
    joined_at = count_field("Seconds since 1970.")
    metadata = string_field()
    attributes = fields.Dict(values=StrictString())
    is_publisher = StrictBoolean()
    tracks = fields.List(fields.Nested(TrackSchema))


class RoomDetailsSchema(RoomSummarySchema):
    """A room and its participants."""

    sid = string_field()
    max_participants = count_field("0 means no limit.")
    metadata = string_field()
    active_recording = StrictBoolean()
    participants = fields.List(fields.Nested(ParticipantDetailsSchema))


class RemovedSchema(DocumentationSchema):
    """The participant that was removed."""

    status = choice_field("removed")
    room_name = string_field()
    participant_identity = string_field()


class MutedSchema(DocumentationSchema):
    """The track, and whether it is muted now."""

    room_name = string_field()
    participant_identity = string_field()
    track_sid = string_field()
    muted = StrictBoolean(metadata={"description": "The state that LiveKit reports."})


class ReceivedSchema(DocumentationSchema):
    """The event is accepted."""

    status = choice_field("received")
