"""What the LiveKit endpoints take: names of rooms and of people in them."""

import re
from typing import Any

from marshmallow import ValidationError

from sayna.errors import InvalidRequest
from sayna.schemas.base import StrictBoolean, StrictSchema, StrictString

# LiveKit itself takes 256 bytes of UTF-8, and says so when a room is created.
MAX_NAME = 128
# C0, C1, line and paragraph separators, and what turns the direction of writing for the text that follows.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# The same for readers of the reference, in the dialect of JSON Schema.
PLAIN = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
VISIBLE = PLAIN.replace("[^", r"[^\s")
REQUIRED: dict[str, Any] = {"required": "is required"}


def check_name(text: str) -> None:
    """Raise ValidationError unless the text is 1-128 characters, not blank and without control characters."""
    if not text.strip():
        raise ValidationError("must not be blank")
    if len(text) > MAX_NAME:
        raise ValidationError(f"must have 1 to {MAX_NAME} characters")
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
    """A name that must be there."""

    def __init__(self) -> None:
        limits = {"minLength": 1, "maxLength": MAX_NAME, "pattern": f"^{PLAIN}*{VISIBLE}{PLAIN}*$"}
        super().__init__(required=True, validate=check_name, error_messages=REQUIRED, metadata=limits)


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

    track_sid = Name()
    muted = StrictBoolean(required=True, error_messages=REQUIRED)


TOKEN = TokenSchema()
PARTICIPANT = ParticipantSchema()
MUTE = MuteSchema()
