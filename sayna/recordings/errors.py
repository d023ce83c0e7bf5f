"""What goes wrong with recordings; what LiveKit's egress raises is in sayna.errors, for both sides know it.

InvalidRequest
└── InvalidStreamId                   400 INVALID_STREAM_ID
SaynaError
├── RecordingNotFound                 404 RECORDING_NOT_FOUND
├── RecordingExists                   409 RECORDING_EXISTS
├── PreconditionFailed                412 PRECONDITION_FAILED
├── RangeNotSatisfiable               416 RANGE_NOT_SATISFIABLE, with Content-Range
└── RecordingStorageUnavailable       503 RECORDING_STORAGE_UNAVAILABLE
    └── RecordingStorageNotConfigured     503 RECORDING_STORAGE_NOT_CONFIGURED
"""

from sayna.errors import InvalidRequest, SaynaError


class InvalidStreamId(InvalidRequest):
    """The name of the recording is none that a recording can have."""

    code = "INVALID_STREAM_ID"


class RecordingNotFound(SaynaError):
    """There is no such recording, or it is somebody else's: the two look the same."""

    status = 404
    code = "RECORDING_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no recording with this stream_id")


class RecordingExists(SaynaError):
    """The stream_id is that of a recording that is over, or of another room; it is not written over."""

    status = 409
    code = "RECORDING_EXISTS"


class PreconditionFailed(SaynaError):
    """If-Match or If-Unmodified-Since named another state of the recording."""

    status = 412
    code = "PRECONDITION_FAILED"


class RangeNotSatisfiable(SaynaError):
    """The Range begins behind the end; `size` is in bytes."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"

    def __init__(self, size: int) -> None:
        super().__init__(f"the recording has {size} bytes, and none of them is in the range asked for")
        self.headers = {"Content-Range": f"bytes */{size}"}


class RecordingStorageUnavailable(SaynaError):
    """The store cannot be read or written right now; its own words stay in our log."""

    status = 503
    code = "RECORDING_STORAGE_UNAVAILABLE"


class RecordingStorageNotConfigured(RecordingStorageUnavailable):
    """This server keeps no recordings."""

    code = "RECORDING_STORAGE_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__("this server has no storage for recordings; set RECORDING_BACKEND and its place")
