"""Requests and responses of the LiveKit endpoints."""

import re

from marshmallow import ValidationError

from sayna.errors import InvalidRequest
from sayna.schemas.base import (
    StrictBoolean,
    StrictSchema,
    StrictString,
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
