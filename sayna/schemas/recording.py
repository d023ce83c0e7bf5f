"""Requests and responses of the recording endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.recordings import RecordingPage, Session
from sayna.schemas.base import ResponseSchema, StrictSchema, StrictString, choice_field, string_field
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
    """How many recordings to list, the cursor of the page, and whether to list those that run."""

    limit: int
    cursor: str | None
    is_active: bool


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
    status = StrictString(
        load_default=None,
        validate=validate.OneOf(["active"], error="must be active, or absent"),
        metadata={"description": "`active` lists the recordings that run now."},
    )


class RemoveRecordingSchema(StrictSchema):
    """The query of DELETE /recording/{stream_id}."""

    purge = StrictString(
        validate=validate.OneOf(["true"], error="must be true, or absent"),
        metadata={"description": "`true` removes the audio and its owner, once the recording is over."},
    )


class SessionSchema(ResponseSchema):
    """A recording that was started, stopped or removed."""

    status = choice_field("recording", "stopped", "purged")
    stream_id = string_field("The recording's name.")
    room_name = StrictString(metadata={"needed": False, "description": "Absent with `purged`."})
    egress_id = StrictString(metadata={"needed": False, "description": "LiveKit's name for it. Absent with `purged`."})
    outcome = StrictString(
        validate=validate.OneOf(["complete", "failed"]),
        metadata={"needed": False, "description": "How the recording ended, once that is known."},
    )


class RecordingLineSchema(ResponseSchema):
    """A recording in the list."""

    stream_id = string_field()
    size_bytes = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Size of the audio; null while it runs."}
    )
    last_modified = Timestamp(metadata={"description": "ISO 8601, UTC.", "format": "date-time"})
    room_name = StrictString(allow_none=True, metadata={"description": "Null where it is not known."})


class RecordingsSchema(ResponseSchema):
    """A page of the caller's recordings."""

    recordings = fields.List(fields.Nested(RecordingLineSchema))
    next_cursor = StrictString(allow_none=True, metadata={"description": "Null on the last page."})


START = StartRecordingSchema()
LIST = ListRecordingsSchema()
REMOVE = RemoveRecordingSchema()
SESSION = SessionSchema()
PAGE = RecordingsSchema()


def load_start(body: Mapping[str, Any]) -> StartRecording:
    """Return the body of POST /recording; raises InvalidRequest."""
    loaded = START.parse(body)
    return StartRecording(loaded["room_name"], loaded.get("stream_id"))


def load_list(query: Mapping[str, str]) -> ListRecordings:
    """Return the query of GET /recording; raises InvalidRequest."""
    loaded = LIST.parse(dict(query))
    return ListRecordings(loaded["limit"], loaded["cursor"], loaded["status"] is not None)


def load_purge(query: Mapping[str, str]) -> bool:
    """Return whether to remove the recording; raises InvalidRequest."""
    return "purge" in REMOVE.parse(dict(query))


def dump_session(status: str, session: Session) -> dict[str, Any]:
    """Return the response for a recording that was started or stopped."""
    known = {name: value for name, value in SESSION.dump(session).items() if value is not None}
    return {"status": status, **known}


def dump_purged(stream_id: str) -> dict[str, Any]:
    """Return the response for a recording that was removed."""
    return {"status": "purged", "stream_id": stream_id}


def dump_page(page: RecordingPage) -> dict[str, Any]:
    """Return the response for a page; times are ISO 8601 in UTC, sizes in bytes."""
    dumped: dict[str, Any] = PAGE.dump(page)
    return dumped
