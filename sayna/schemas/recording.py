"""What the recording endpoints take and answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.recordings import RecordingPage, Session
from sayna.schemas.base import StrictSchema, StrictString
from sayna.schemas.livekit import Name

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# For readers of the reference; what is no stream_id is told by sayna.recordings.
STREAM_ID = {"pattern": r"^[A-Za-z0-9](\.?[A-Za-z0-9_-])*\.?$", "maxLength": 128}


@dataclass(frozen=True, slots=True)
class StartRecording:
    """The room to record, and the name of the recording if the caller chose one."""

    room_name: str
    stream_id: str | None


@dataclass(frozen=True, slots=True)
class ListRecordings:
    """How many recordings to list, and where to go on."""

    limit: int
    cursor: str | None


class Count(fields.Integer):
    """A whole number as a query string writes it: digits, nothing else."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        # isdigit() alone is true of digits in any script, and int() takes " 12 " and 1_000.
        if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004
            raise ValidationError("must be a whole number")
        return int(value)


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


START = StartRecordingSchema()
LIST = ListRecordingsSchema()


def load_start(body: Mapping[str, Any]) -> StartRecording:
    """Return the body of POST /recording; raises InvalidRequest."""
    loaded = START.parse(body)
    return StartRecording(loaded["room_name"], loaded.get("stream_id"))


def load_list(query: Mapping[str, str]) -> ListRecordings:
    """Return the query of GET /recording; raises InvalidRequest."""
    return ListRecordings(**LIST.parse(dict(query)))


def dump_session(status: str, session: Session) -> dict[str, str]:
    """Return a recording that was started or stopped as the wire shows it."""
    return {"status": status, **asdict(session)}


def dump_page(page: RecordingPage) -> dict[str, Any]:
    """Return a page as the wire shows it; moments are ISO 8601 in UTC, sizes in bytes."""
    recordings = [
        {
            "stream_id": line.stream_id,
            "size_bytes": line.size_bytes,
            "last_modified": line.last_modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "room_name": line.room_name,
        }
        for line in page.recordings
    ]
    return {"recordings": recordings, "next_cursor": page.next_cursor}
