"""Every error that Sayna raises on purpose; each class knows its HTTP status and its machine code.

SaynaError
├── InvalidRequest                400 INVALID_REQUEST
│   ├── EmptyText                 400 EMPTY_TEXT
│   ├── TextTooLong               400 TEXT_TOO_LONG
│   ├── UnknownProvider           400 UNKNOWN_PROVIDER
│   ├── UnsupportedFormat         400 UNSUPPORTED_FORMAT
│   ├── InvalidProviderAuth       400 INVALID_PROVIDER_AUTH
│   ├── InvalidStreamId           400 INVALID_STREAM_ID
│   ├── PayloadTooLarge           413 PAYLOAD_TOO_LARGE
│   └── UnsupportedMediaType      415 UNSUPPORTED_MEDIA_TYPE
├── NotAuthenticated              401, with the auth_code that says why
├── AuthServiceFailed             502 AUTH_SERVICE_ERROR
│   └── AuthServiceUnavailable    503 AUTH_SERVICE_UNAVAILABLE
├── ProviderError                 500 PROVIDER_ERROR
│   ├── ProviderNotConfigured     500 PROVIDER_NOT_CONFIGURED
│   ├── ProviderTimeout           500 PROVIDER_TIMEOUT
│   ├── ProviderRateLimited       500 PROVIDER_RATE_LIMITED, with Retry-After
│   ├── ProviderRejectedRequest   400 PROVIDER_REJECTED_REQUEST
│   └── ProviderRejectedCredentials  500 (400 when the request brought them)
├── RecordingNotFound             404 RECORDING_NOT_FOUND
├── RecordingExists               409 RECORDING_EXISTS
├── RecordingFailed               500 RECORDING_FAILED
│   └── EgressUnavailable         503 EGRESS_UNAVAILABLE
│       └── EgressUnanswered      when it may have begun all the same
├── PreconditionFailed            412 PRECONDITION_FAILED
├── RangeNotSatisfiable           416 RANGE_NOT_SATISFIABLE, with Content-Range
├── RecordingStorageUnavailable   503 RECORDING_STORAGE_UNAVAILABLE
│   └── RecordingStorageNotConfigured  503 RECORDING_STORAGE_NOT_CONFIGURED
├── NotCached                     504 NOT_CACHED
├── Overloaded                    503 OVERLOADED, with Retry-After
├── LiveKitNotConfigured          500 LIVEKIT_NOT_CONFIGURED
│   └── WebhookNotConfigured      503
├── LiveKitUnavailable            500 LIVEKIT_UNAVAILABLE
│   └── LiveKitRefused            with the Twirp code that says why
├── RoomNotFound                  404 ROOM_NOT_FOUND
├── RoomAccessDenied              403 ROOM_ACCESS_DENIED
├── ParticipantNotFound           404 PARTICIPANT_NOT_FOUND
├── RemovalFailed                 500 REMOVAL_FAILED
├── MuteFailed                    500 MUTE_FAILED
├── CallerGone                    499, seen only in the log
└── InvalidSignature              401 INVALID_SIGNATURE
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class SaynaError(Exception):
    """An error with a sentence for a person; `retry_after` is in seconds."""

    status: int = 500
    code: str = "INTERNAL_ERROR"
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class InvalidRequest(SaynaError):
    """The caller sent something that cannot be served; the sentence says what to send."""

    status = 400
    code = "INVALID_REQUEST"


class EmptyText(InvalidRequest):
    """There is nothing to say."""

    code = "EMPTY_TEXT"


class TextTooLong(InvalidRequest):
    """There is more to say than MAX_TEXT_CHARS."""

    code = "TEXT_TOO_LONG"


class UnknownProvider(InvalidRequest):
    """No vendor has this slug."""

    code = "UNKNOWN_PROVIDER"


class UnsupportedFormat(InvalidRequest):
    """The audio format or sample rate is none of those the contract names."""

    code = "UNSUPPORTED_FORMAT"


class InvalidProviderAuth(InvalidRequest):
    """The request's own vendor credentials have the wrong shape."""

    code = "INVALID_PROVIDER_AUTH"


class InvalidStreamId(InvalidRequest):
    """The name of the recording is none that a recording can have."""

    code = "INVALID_STREAM_ID"


class PayloadTooLarge(InvalidRequest):
    """The body is larger than MAX_BODY_BYTES."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(InvalidRequest):
    """The body is not plain application/json."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class NotAuthenticated(SaynaError):
    """The caller brought no usable token; `auth_code` is the wire's word for why."""

    status = 401
    code = "UNAUTHORIZED"

    def __init__(self, auth_code: str, message: str) -> None:
        super().__init__(message)
        self.auth_code = auth_code
        self.code = auth_code.upper()


class AuthServiceFailed(SaynaError):
    """The auth service answered something that is neither yes nor no."""

    status = 502
    code = "AUTH_SERVICE_ERROR"
    auth_code: ClassVar[str] = "auth_service_error"


class AuthServiceUnavailable(AuthServiceFailed):
    """The auth service could not be asked."""

    status = 503
    code = "AUTH_SERVICE_UNAVAILABLE"
    auth_code: ClassVar[str] = "auth_service_unavailable"


class ProviderError(SaynaError):
    """The vendor failed; its own words stay in our log."""

    code = "PROVIDER_ERROR"


class ProviderNotConfigured(ProviderError):
    """The vendor is known but this server holds no credentials for it."""

    code = "PROVIDER_NOT_CONFIGURED"


class ProviderTimeout(ProviderError):
    """The vendor did not finish within the deadline."""

    code = "PROVIDER_TIMEOUT"


class ProviderRateLimited(ProviderError):
    """The vendor asks for fewer requests."""

    code = "PROVIDER_RATE_LIMITED"


class ProviderRejectedRequest(ProviderError):
    """The vendor says that the voice, the model or the text is wrong."""

    status = 400
    code = "PROVIDER_REJECTED_REQUEST"


class ProviderRejectedCredentials(ProviderError):
    """The vendor refuses the credentials; 400 when they came with the request."""

    code = "PROVIDER_REJECTED_CREDENTIALS"

    def __init__(self, message: str, *, from_request: bool = False) -> None:
        super().__init__(message)
        if from_request:
            self.status = 400


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


class RecordingFailed(SaynaError):
    """LiveKit does not record: its egress failed, or could not begin."""

    code = "RECORDING_FAILED"


class EgressUnavailable(RecordingFailed):
    """LiveKit has no egress service that takes the recording on."""

    status = 503
    code = "EGRESS_UNAVAILABLE"


class EgressUnanswered(EgressUnavailable):
    """Nobody said in time whether the recording begins."""


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


class NotCached(SaynaError):
    """The caller wanted cached audio only and there is none."""

    status = 504
    code = "NOT_CACHED"


class Overloaded(SaynaError):
    """No more audio can be rendered right now; cached audio still can be served."""

    status = 503
    code = "OVERLOADED"


class LiveKitNotConfigured(SaynaError):
    """This server holds no key and secret of a LiveKit server."""

    code = "LIVEKIT_NOT_CONFIGURED"


class WebhookNotConfigured(LiveKitNotConfigured):
    """The same, told to LiveKit, which then tries again."""

    status = 503


class LiveKitUnavailable(SaynaError):
    """LiveKit did not answer in time, or not as LiveKit answers."""

    code = "LIVEKIT_UNAVAILABLE"


class LiveKitRefused(LiveKitUnavailable):
    """LiveKit answered that it will not; `twirp_code` says why, and whoever asked decides what that means."""

    def __init__(self, twirp_code: str) -> None:
        super().__init__("LiveKit refuses this")
        self.twirp_code = twirp_code


class RoomNotFound(SaynaError):
    """There is no such room, or none that the caller may know of."""

    status = 404
    code = "ROOM_NOT_FOUND"


class RoomAccessDenied(SaynaError):
    """The room is another tenant's, or nobody's."""

    status = 403
    code = "ROOM_ACCESS_DENIED"


class ParticipantNotFound(SaynaError):
    """There is no such room, participant or track, or none that the caller may know of."""

    status = 404
    code = "PARTICIPANT_NOT_FOUND"


class RemovalFailed(SaynaError):
    """LiveKit does not remove the participant."""

    code = "REMOVAL_FAILED"


class MuteFailed(SaynaError):
    """LiveKit does not mute or unmute the track."""

    code = "MUTE_FAILED"


class InvalidSignature(SaynaError):
    """A webhook that LiveKit did not sign, or not with our key, or not over this body, or not just now."""

    status = 401
    code = "INVALID_SIGNATURE"


class CallerGone(SaynaError):
    """The caller hung up while it waited; nobody hears this answer."""

    status = 499
    code = "CALLER_GONE"
