"""The errors that Sayna raises on purpose; each class line has its HTTP status and its machine-readable code."""

from collections.abc import Mapping
from types import MappingProxyType


class SaynaError(Exception):
    """An error with a sentence for a person; `retry_after` is in seconds.

    `field` names the field of the body that is wrong, where one is.
    """

    status: int = 500
    code: str = "INTERNAL_ERROR"
    # What the error says where it is raised without a sentence of its own.
    sentence: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    # Whether only this caller gets the error, and not the other requests for the same sound.
    is_callers_own: bool = False
    # Members of the response beside error, code and request_id.
    members: Mapping[str, object] = MappingProxyType({})

    def __init_subclass__(cls, *, status: int | None = None, code: str | None = None) -> None:
        """Set what the class line says; the rest is as in the class above."""
        super().__init_subclass__()
        if status is not None:
            cls.status = status
        if code is not None:
            cls.code = code

    def __init__(self, message: str = "", *, retry_after: int | None = None, field: str = "") -> None:
        self.message = message or self.sentence
        super().__init__(self.message)
        self.field = field
        self.retry_after = retry_after


class InvalidRequest(SaynaError, status=400, code="INVALID_REQUEST"):
    """The request is not valid; the sentence says what to send."""


class EmptyText(InvalidRequest, code="EMPTY_TEXT"):
    """The text is empty."""


class TextTooLong(InvalidRequest, code="TEXT_TOO_LONG"):
    """The text has more characters than MAX_TEXT_CHARS."""


class UnknownProvider(InvalidRequest, code="UNKNOWN_PROVIDER"):
    """No provider has this name."""


class UnknownVoice(InvalidRequest, code="UNKNOWN_VOICE"):
    """The voice is neither a voice of this server's own nor of the form provider/voice_id."""


class UnsupportedFormat(InvalidRequest, code="UNSUPPORTED_FORMAT"):
    """The audio format or the sample rate is not supported."""


class InvalidProviderAuth(InvalidRequest, code="INVALID_PROVIDER_AUTH"):
    """The provider credentials in the request have the wrong form."""


class PayloadTooLarge(InvalidRequest, status=413, code="PAYLOAD_TOO_LARGE"):
    """The body is larger than MAX_BODY_BYTES."""


class UnsupportedMediaType(InvalidRequest, status=415, code="UNSUPPORTED_MEDIA_TYPE"):
    """The body is not plain application/json."""


class NotAuthenticated(SaynaError, status=401, code="UNAUTHORIZED"):
    """The request has no valid token; `auth_code` names the reason in the response."""

    def __init__(self, auth_code: str, message: str) -> None:
        super().__init__(message)
        self.auth_code = auth_code
        self.code = auth_code.upper()


class ProviderNotAllowed(SaynaError, status=403, code="PROVIDER_NOT_ALLOWED"):
    """The tenant may not use this provider."""


class AuthServiceFailed(SaynaError, status=502, code="AUTH_SERVICE_ERROR"):
    """The response of the auth service neither accepts nor rejects the token."""

    auth_code: str = "auth_service_error"


class AuthServiceUnavailable(AuthServiceFailed, status=503, code="AUTH_SERVICE_UNAVAILABLE"):
    """The auth service cannot be reached."""

    auth_code: str = "auth_service_unavailable"


class ProviderError(SaynaError, code="PROVIDER_ERROR"):
    """The provider failed; its own message stays in the log of the server."""


class ProviderNotConfigured(ProviderError, code="PROVIDER_NOT_CONFIGURED"):
    """This server has no credentials for the provider."""


class ProviderTimeout(ProviderError, code="PROVIDER_TIMEOUT"):
    """The provider did not respond in time."""


class ProviderRateLimited(ProviderError, code="PROVIDER_RATE_LIMITED"):
    """The provider limits the rate of requests."""


class ProviderRejectedRequest(ProviderError, status=400, code="PROVIDER_REJECTED_REQUEST"):
    """The provider rejected the voice, the model or the text."""


class ProviderRejectedCredentials(ProviderError, code="PROVIDER_REJECTED_CREDENTIALS"):
    """The provider rejected the credentials; the status is 400 when the request brought them."""

    def __init__(self, message: str, *, from_request: bool = False) -> None:
        super().__init__(message)
        if from_request:
            self.status = 400


class RecordingFailed(SaynaError, code="RECORDING_FAILED"):
    """LiveKit does not record, because its egress failed or did not start."""


class EgressUnavailable(RecordingFailed, status=503, code="EGRESS_UNAVAILABLE"):
    """No egress service accepted the recording."""


class EgressUnanswered(EgressUnavailable):
    """LiveKit did not answer in time: the egress may have started."""


class NotCached(SaynaError, status=504, code="NOT_CACHED"):
    """The request accepts only cached audio, and the cache has none."""


class Overloaded(SaynaError, status=503, code="OVERLOADED"):
    """The server cannot synthesize more audio at the moment; it still serves cached audio."""


class CallerGone(SaynaError, status=499, code="CALLER_GONE"):
    """The client closed the connection while it waited, so it receives no response."""


class StoreUnavailable(Overloaded, code="STORE_UNAVAILABLE"):
    """The database on disk is busy or damaged, or Redis is away, and nothing was done."""


class QuotaExceeded(SaynaError, status=429, code="QUOTA_EXCEEDED"):
    """The tenant has no characters left in this month; cached speech is still served."""

    is_callers_own = True


class TooManyFailures(SaynaError, status=429, code="TOO_MANY_AUTH_FAILURES"):
    """This address sent too many wrong tokens within a minute, so the server did not check this one."""
