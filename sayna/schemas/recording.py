"""Requests and responses of the recording endpoints."""

from dataclasses import asdict
from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.recordings.listing import RecordingPage
from sayna.recordings.recorder import Session
from sayna.schemas.base import StrictSchema, StrictString
from sayna.schemas.livekit import Name

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# JSON Schema for the OpenAPI document; sayna.recordings checks the value and raises InvalidStreamId.
STREAM_ID = {"pattern": r"^[A-Za-z0-9](\.?[A-Za-z0-9_-])*\.?$", "maxLength": 128}


class Count(fields.Integer):
    """A whole number in a query string: digits, nothing else."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        # isdigit() alone is true of digits in any script, and int() takes " 12 " and 1_000.
        if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004
            raise ValidationError("must be a whole number")
        return int(value)


class StartRecordingSchema(StrictSchema):
    """The body of POST /recording."""

    room_name = Name()
    stream_id = StrictString()


class ListRecordingsSchema(StrictSchema):
    """The query of GET /recording."""

    limit = Count(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT, error=f"must lie between 1 and {MAX_LIMIT}"),
    )
    cursor = StrictString(load_default=None)
    status = StrictString(load_default=None, validate=validate.OneOf(["active"], error="must be active, or absent"))


class RemoveRecordingSchema(StrictSchema):
    """The query of DELETE /recording/{stream_id}."""

    purge = StrictString(validate=validate.OneOf(["true"], error="must be true, or absent"))


START = StartRecordingSchema()
LIST = ListRecordingsSchema()
REMOVE = RemoveRecordingSchema()


def dump_session(status: str, session: Session) -> dict[str, Any]:
    """Return the response for a recording that was started or stopped."""
    return {"status": status, **{name: value for name, value in asdict(session).items() if value is not None}}


def dump_page(page: RecordingPage) -> dict[str, Any]:
    """Return the response for a page; times are ISO 8601 in UTC, sizes in bytes."""
    lines = [
        {**asdict(each), "last_modified": each.last_modified.strftime("%Y-%m-%dT%H:%M:%SZ")} for each in page.recordings
    ]
    return {"recordings": lines, "next_cursor": page.next_cursor}
