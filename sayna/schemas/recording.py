"""Requests and responses of the recording endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.recordings import RecordingPage, Session
from sayna.schemas.base import ResponseSchema, StrictSchema, StrictString, choice_field, count_field, string_field
from sayna.schemas.livekit import Name

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# JSON Schema for the OpenAPI document; sayna.recordings checks the value and raises InvalidStreamId.
STREAM_ID = {"pattern": r"^[A-Za-z0-9](\.?[A-Za-z0-9_-])*\.?$", "maxLength": 128}


@dataclass(frozen=True, slots=True)
class StartRecording:
    """The room to record, and the stream_id if the client chose one."""

    room_name: str
    stream_id: str | None


@dataclass(frozen=True, slots=True)
class ListRecordings:
    """How many recordings to list, and the cursor of the page."""

    limit: int
    cursor: str | None


class Count(fields.Integer):
    """A whole number in a query string: digits, nothing else."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        # isdigit() alone is true of digits in any script, and int() takes " 12 " and 1_000.
        if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004
            raise ValidationError("must be a whole number")
        return int(value)


class Timestamp(fields.String):
    """A time in UTC, to the second."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        text: str = value.strftime("%Y-%m-%dT%H:%M:%SZ")
        return text


class StartRecordingSchema(StrictSchema):
    """The body of POST /recording."""

    room_name = Name()
    stream_id = StrictString(metadata=STREAM_ID)


class ListRecordingsSchema(StrictSchema):
    """The query of GET /recording."""

    limit = Count(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT, error=f"must lie between 1 and {MAX_LIMIT}"),
    )
    cursor = StrictString(load_default=None)


class SessionSchema(ResponseSchema):
    """A recording that was started or stopped."""

    status = choice_field("recording", "stopped")
    stream_id = string_field("The recording's name.")
    room_name = string_field()
    egress_id = string_field("LiveKit's name for it.")


class RecordingLineSchema(ResponseSchema):
    """A recording in the list."""

    stream_id = string_field()
    size_bytes = count_field("Size of the audio.")
    last_modified = Timestamp(metadata={"description": "ISO 8601, UTC.", "format": "date-time"})
    room_name = StrictString(allow_none=True, metadata={"description": "Null where it is not known."})


class RecordingsSchema(ResponseSchema):
    """A page of the caller's recordings."""

    recordings = fields.List(fields.Nested(RecordingLineSchema))
    next_cursor = StrictString(allow_none=True, metadata={"description": "Null on the last page."})


START = StartRecordingSchema()
LIST = ListRecordingsSchema()
SESSION = SessionSchema()
PAGE = RecordingsSchema()


def load_start(body: Mapping[str, Any]) -> StartRecording:
    """Return the body of POST /recording; raises InvalidRequest."""
    loaded = START.parse(body)
    return StartRecording(loaded["room_name"], loaded.get("stream_id"))


def load_list(query: Mapping[str, str]) -> ListRecordings:
    """Return the query of GET /recording; raises InvalidRequest."""
    return ListRecordings(**LIST.parse(dict(query)))


def dump_session(status: str, session: Session) -> dict[str, Any]:
    """Return the response for a recording that was started or stopped."""
    return {"status": status, **SESSION.dump(session)}


def dump_page(page: RecordingPage) -> dict[str, Any]:
    """Return the response for a page; times are ISO 8601 in UTC, sizes in bytes."""
    dumped: dict[str, Any] = PAGE.dump(page)
    return dumped
