"""Answers of the recording endpoints."""

from marshmallow import fields

from sayna.schemas.base import AnswerSchema, StrictString
from sayna.schemas.words import one_of, text, whole


class SessionSchema(AnswerSchema):
    """A recording that was started or stopped."""

    status = one_of("recording", "stopped")
    stream_id = text("The recording's name.")
    room_name = text()
    egress_id = text("LiveKit's name for it.")


class RecordingLineSchema(AnswerSchema):
    """A recording in the list."""

    stream_id = text()
    size_bytes = whole("Size of the audio.")
    last_modified = text("ISO 8601, UTC.", format="date-time")
    room_name = StrictString(allow_none=True, metadata={"description": "Null where it is not known."})


class RecordingsSchema(AnswerSchema):
    """A page of the caller's recordings."""

    recordings = fields.List(fields.Nested(RecordingLineSchema))
    next_cursor = StrictString(allow_none=True, metadata={"description": "Null on the last page."})
