"""Errors of recordings; those of LiveKit's egress are in sayna.errors, because livekit/ raises them too."""

from sayna.errors import InvalidRequest, SaynaError
from sayna.storage import StorageUnavailable


class InvalidStreamId(InvalidRequest, code="INVALID_STREAM_ID"):
    """The stream_id is not one that a recording can have."""


class RecordingNotFound(SaynaError, status=404, code="RECORDING_NOT_FOUND"):
    """There is no recording with this stream_id, or it belongs to another tenant: the answer is the same."""

    sentence = "there is no recording with this stream_id"


class RecordingExists(SaynaError, status=409, code="RECORDING_EXISTS"):
    """The stream_id belongs to a recording that is over, or to another room; it is not overwritten."""


class RecordingActive(SaynaError, status=409, code="RECORDING_ACTIVE"):
    """The recording runs, or is about to; it can be removed when it is over."""


class PreconditionFailed(SaynaError, status=412, code="PRECONDITION_FAILED"):
    """If-Match or If-Unmodified-Since named another state of the recording."""


class RangeNotSatisfiable(SaynaError, status=416, code="RANGE_NOT_SATISFIABLE"):
    """The Range begins behind the end; `size` is in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the recording has {size} bytes, and the requested range holds none of them")
        self.headers = {"Content-Range": f"bytes */{size}"}


class RecordingStorageNotConfigured(StorageUnavailable, code="RECORDING_STORAGE_NOT_CONFIGURED"):
    """This server keeps no recordings."""

    sentence = "this server has no storage for recordings; set RECORDING_BACKEND and its place"
