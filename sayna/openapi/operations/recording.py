"""The recording endpoints."""

from typing import Any

from sayna.errors import EgressUnavailable, InvalidRequest, RecordingFailed
from sayna.livekit.errors import LiveKitNotConfigured, LiveKitUnavailable, RoomAccessDenied, RoomNotFound
from sayna.openapi import BYTES, Operation, ResponseDoc
from sayna.recordings import errors
from sayna.schemas.recording import LIST as LIST_QUERY
from sayna.schemas.recording import REMOVE as REMOVE_QUERY
from sayna.schemas.recording import START as START_BODY
from sayna.schemas.recording import STREAM_ID as STREAM_ID_RULES
from sayna.schemas.recording import RecordingsSchema, SessionSchema
from sayna.storage import StorageUnavailable

TAG = "Recordings"
STORAGE = (errors.RecordingStorageNotConfigured, StorageUnavailable)
EGRESS = (
    RoomNotFound,
    RoomAccessDenied,
    RecordingFailed,
    EgressUnavailable,
    LiveKitNotConfigured,
    LiveKitUnavailable,
)
STREAM_ID: dict[str, Any] = {
    "in": "path",
    "name": "stream_id",
    "required": True,
    "description": "Letters, digits and `. _ -`, no two dots in a row.",
    "schema": {"type": "string", **STREAM_ID_RULES},
    "example": "support-call-789",
}
SESSION = {
    "stream_id": "support-call-789",
    "room_name": "support-42",
    "egress_id": "EG_4dRzjkWQyYkV",
}
HEADERS = {
    "Content-Disposition": "A file name to save it under.",
    "Accept-Ranges": "bytes",
    "ETag": "Changes with the audio.",
    "Last-Modified": "When it was stored.",
    "Cache-Control": "Clients may keep it and must revalidate it.",
    "Content-Security-Policy": "A browser runs no script in it.",
}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}}


def _session(description: str, status: str) -> ResponseDoc:
    return ResponseDoc(description, {"application/json": SessionSchema}, example={"status": status, **SESSION})


LIST = Operation(
    tag=TAG,
    summary="List recordings",
    description="The caller's recordings, a page at a time: those that have audio, or with `status` those that run.",
    query=LIST_QUERY,
    responses={200: ResponseDoc("A page.", {"application/json": RecordingsSchema})},
    errors=(InvalidRequest, *STORAGE, *EGRESS),
)
START = Operation(
    tag=TAG,
    summary="Start a recording",
    description="Records the audio of a room until a client stops the recording or the room is empty.",
    request=(START_BODY,),
    examples={"support": {"room_name": "support-42", "stream_id": "support-call-789"}},
    responses={201: _session("The recording runs.", "recording")},
    errors=(errors.InvalidStreamId, errors.RecordingExists, *STORAGE, *EGRESS),
)
STOP = Operation(
    tag=TAG,
    summary="Stop or remove a recording",
    description="Ends a recording. The audio can be downloaded once LiveKit has stored it. `outcome` says how a "
    "recording that is over ended. With `purge=true` removes the audio and the owner of a recording that is over.",
    parameters=(STREAM_ID,),
    query=REMOVE_QUERY,
    responses={200: _session("The recording has ended, or is removed.", "stopped")},
    errors=(
        InvalidRequest,
        errors.InvalidStreamId,
        errors.RecordingNotFound,
        errors.RecordingActive,
        *STORAGE,
        *EGRESS,
    ),
)
DOWNLOAD = Operation(
    tag=TAG,
    summary="Download a recording",
    description="The audio, or one range of its bytes.",
    parameters=(
        STREAM_ID,
        _header("Range", "One range of bytes, such as `bytes=0-1023`."),
        _header("If-Range", "An ETag or a date: the response is the whole audio when it has changed."),
        _header("If-None-Match", "An ETag: 304 when the audio is still the same."),
        _header("If-Modified-Since", "A date: 304 when the audio is not newer."),
        _header("If-Match", "An ETag: 412 when the audio is no longer the same."),
        _header("If-Unmodified-Since", "A date: 412 when the audio is newer."),
    ),
    responses={
        200: ResponseDoc("The audio.", {"audio/ogg": BYTES}, HEADERS),
        206: ResponseDoc("The range.", {"audio/ogg": BYTES}, {**HEADERS, "Content-Range": "Which bytes."}),
        304: ResponseDoc("The client has this audio already.", headers=HEADERS),
    },
    errors=(
        errors.InvalidStreamId,
        errors.RecordingNotFound,
        errors.PreconditionFailed,
        errors.RangeNotSatisfiable,
        *STORAGE,
    ),
)
