"""The errors that Sayna raises on purpose; each class has its HTTP status and its machine-readable code.

SaynaError
├── InvalidRequest                400 INVALID_REQUEST
│   ├── EmptyText                 400 EMPTY_TEXT
│   ├── TextTooLong               400 TEXT_TOO_LONG
│   ├── UnknownProvider           400 UNKNOWN_PROVIDER
│   ├── UnknownVoice              400 UNKNOWN_VOICE
│   ├── UnsupportedFormat         400 UNSUPPORTED_FORMAT
│   ├── InvalidProviderAuth       400 INVALID_PROVIDER_AUTH
│   ├── PayloadTooLarge           413 PAYLOAD_TOO_LARGE
│   └── UnsupportedMediaType      415 UNSUPPORTED_MEDIA_TYPE
├── NotAuthenticated              401, with the reason in auth_code
├── ProviderNotAllowed            403 PROVIDER_NOT_ALLOWED
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
│   └── StoreUnavailable          503 STORE_UNAVAILABLE, with Retry-After
├── CallerGone                    499, only in the log
├── QuotaExceeded                 429 QUOTA_EXCEEDED, with Retry-After
├── TooManyFailures               429 TOO_MANY_AUTH_FAILURES, with Retry-After
└── errors of rooms, recordings and phone calls: errors.py of livekit/, recordings/, sip/
"""

from collections.abc import Mapping
from types import MappingProxyType


class SaynaError(Exception):
    """An error with a sentence for a person; `retry_after` is in seconds.

    `field` names the field of the body that is wrong, where one is.
    """

    status: int = 500
    code: str = "INTERNAL_ERROR"
    headers: Mapping[str, str] = MappingProxyType({})
    field: str = ""
    # Whether only this caller gets the error, and not the other requests for the same sound.
    is_callers_own: bool = False
    # Members of the response beside error, code and request_id.
    members: Mapping[str, object] = MappingProxyType({})

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class InvalidRequest(SaynaError):
    """The request is not valid; the sentence says what to send."""

    status = 400
    code = "INVALID_REQUEST"


class EmptyText(InvalidRequest):
    """The text is empty."""

    code = "EMPTY_TEXT"


class TextTooLong(InvalidRequest):
    """The text has more characters than MAX_TEXT_CHARS."""

    code = "TEXT_TOO_LONG"


class UnknownProvider(InvalidRequest):
    """No provider has this name."""

    code = "UNKNOWN_PROVIDER"


class UnknownVoice(InvalidRequest):
    """The voice is neither a voice of this server's own nor of the form provider/voice_id."""

    code = "UNKNOWN_VOICE"


class UnsupportedFormat(InvalidRequest):
    """The audio format or the sample rate is not supported."""

    code = "UNSUPPORTED_FORMAT"


class InvalidProviderAuth(InvalidRequest):
    """The provider credentials in the request have the wrong form."""

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
    """The request has no valid token; `auth_code` names the reason in the response."""

    status = 401
    code = "UNAUTHORIZED"

    def __init__(self, auth_code: str, message: str) -> None:
        super().__init__(message)
        self.auth_code = auth_code
        self.code = auth_code.upper()


class ProviderNotAllowed(SaynaError):
    """The tenant may not use this provider."""

    status = 403
    code = "PROVIDER_NOT_ALLOWED"


class AuthServiceFailed(SaynaError):
    """The response of the auth service neither accepts nor rejects the token."""

    status = 502
    code = "AUTH_SERVICE_ERROR"
    auth_code: str = "auth_service_error"


class AuthServiceUnavailable(AuthServiceFailed):
    """The auth service cannot be reached."""

    status = 503
    code = "AUTH_SERVICE_UNAVAILABLE"
    auth_code: str = "auth_service_unavailable"


class ProviderError(SaynaError):
    """The provider failed; its own message stays in the log of the server."""

    code = "PROVIDER_ERROR"


class ProviderNotConfigured(ProviderError):
    """This server has no credentials for the provider."""

    code = "PROVIDER_NOT_CONFIGURED"


class ProviderTimeout(ProviderError):
    """The provider did not respond in time."""

    code = "PROVIDER_TIMEOUT"


class ProviderRateLimited(ProviderError):
    """The provider limits the rate of requests."""

    code = "PROVIDER_RATE_LIMITED"


class ProviderRejectedRequest(ProviderError):
    """The provider rejected the voice, the model or the text."""

    status = 400
    code = "PROVIDER_REJECTED_REQUEST"


class ProviderRejectedCredentials(ProviderError):
    """The provider rejected the credentials; the status is 400 when the request brought them."""

    code = "PROVIDER_REJECTED_CREDENTIALS"

    def __init__(self, message: str, *, from_request: bool = False) -> None:
        super().__init__(message)
        if from_request:
            self.status = 400


class RecordingFailed(SaynaError):
    """LiveKit does not record, because its egress failed or did not start."""

    code = "RECORDING_FAILED"


class EgressUnavailable(RecordingFailed):
    """No egress service accepted the recording."""

    status = 503
    code = "EGRESS_UNAVAILABLE"


class EgressUnanswered(EgressUnavailable):
    """LiveKit did not answer in time: the egress may have started."""


class NotCached(SaynaError):
    """The request accepts only cached audio, and the cache has none."""

    status = 504
    code = "NOT_CACHED"


class Overloaded(SaynaError):
    """The server cannot synthesize more audio at the moment; it still serves cached audio."""

    status = 503
    code = "OVERLOADED"


class CallerGone(SaynaError):
    """The client closed the connection while it waited, so it receives no response."""

    status = 499
    code = "CALLER_GONE"


class StoreUnavailable(Overloaded):
    """The database on disk is busy or damaged, or Redis is away, and nothing was done."""

    code = "STORE_UNAVAILABLE"


class QuotaExceeded(SaynaError):
    """The tenant has no characters left in this month; cached speech is still served."""

    status = 429
    code = "QUOTA_EXCEEDED"
    is_callers_own = True


class TooManyFailures(SaynaError):
    """This address sent too many wrong tokens within a minute, so the server did not check this one."""

    status = 429
    code = "TOO_MANY_AUTH_FAILURES"
