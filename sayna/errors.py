"""Every error that Sayna raises on purpose; each class knows its HTTP status and its machine code.

SaynaError
├── InvalidRequest                400 INVALID_REQUEST
│   ├── EmptyText                 400 EMPTY_TEXT
│   ├── TextTooLong               400 TEXT_TOO_LONG
│   ├── UnknownProvider           400 UNKNOWN_PROVIDER
│   ├── UnsupportedFormat         400 UNSUPPORTED_FORMAT
│   ├── InvalidProviderAuth       400 INVALID_PROVIDER_AUTH
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
├── RecordingFailed               500 RECORDING_FAILED
│   └── EgressUnavailable         503 EGRESS_UNAVAILABLE
│       └── EgressUnanswered          503 EGRESS_UNAVAILABLE
├── NotCached                     504 NOT_CACHED
├── Overloaded                    503 OVERLOADED, with Retry-After
├── CallerGone                    499, seen only in the log
└── those of rooms, recordings, telephones, callers: errors.py of livekit/, recordings/, sip/, auth/
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


class RecordingFailed(SaynaError):
    """LiveKit does not record: its egress failed, or could not begin."""

    code = "RECORDING_FAILED"


class EgressUnavailable(RecordingFailed):
    """No egress service takes the recording on."""

    status = 503
    code = "EGRESS_UNAVAILABLE"


class EgressUnanswered(EgressUnavailable):
    """LiveKit did not answer in time: the egress may have started."""


class NotCached(SaynaError):
    """The caller wanted cached audio only and there is none."""

    status = 504
    code = "NOT_CACHED"


class Overloaded(SaynaError):
    """No more audio can be rendered right now; cached audio still can be served."""

    status = 503
    code = "OVERLOADED"


class CallerGone(SaynaError):
    """The caller hung up while it waited; nobody hears this answer."""

    status = 499
    code = "CALLER_GONE"


class StoreUnavailable(Overloaded):
    """The database on disk is busy or broken; nothing was done."""


class TooManyFailures(SaynaError):
    """Too many wrong tokens came from this address within a minute; this one was not looked at."""

    status = 429
    code = "TOO_MANY_AUTH_FAILURES"
