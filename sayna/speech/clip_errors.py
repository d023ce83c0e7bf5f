"""Errors of clip URLs.

SaynaError
├── ClipTooLong                       400 CLIP_TOO_LONG (an InvalidRequest)
├── CrossSiteRequest                  403 CROSS_SITE_REQUEST
├── OpenVendorsDisabled               403 OPEN_VENDORS_DISABLED
├── ClipNotFound                      404 CLIP_NOT_FOUND
├── ClipExpired                       410 CLIP_EXPIRED
└── ClipsNotConfigured                500 CLIPS_NOT_CONFIGURED
"""

from sayna.errors import (
    InvalidRequest,
    ProviderError,
    ProviderNotConfigured,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderTimeout,
    SaynaError,
)


class ClipTooLong(InvalidRequest):
    """The URL of the clip would have more than 1000 characters."""

    code = "CLIP_TOO_LONG"


class CrossSiteRequest(SaynaError):
    """A web page of another site sent the request."""

    status = 403
    code = "CROSS_SITE_REQUEST"


class OpenVendorsDisabled(SaynaError):
    """Without authentication, a GET speaks with local providers only."""

    status = 403
    code = "OPEN_VENDORS_DISABLED"


class ClipNotFound(SaynaError):
    """No clip has this URL: a part of it is wrong, or its tenant no longer exists."""

    status = 404
    code = "CLIP_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("no clip has this URL")


class ClipExpired(SaynaError):
    """The URL of the clip has expired."""

    status = 410
    code = "CLIP_EXPIRED"

    def __init__(self) -> None:
        super().__init__("the URL of this clip has expired; ask for a new one")


class ClipsNotConfigured(SaynaError):
    """The server has no lasting secret to sign clip URLs with."""

    code = "CLIPS_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__("clip URLs need a secret that lasts; set CACHE_PATH, SAYNA_SECRET or CLIP_SECRETS_JSON")


# Telephone systems look at the status only, so it says who failed. The first matching class counts.
_STATUSES: tuple[tuple[type[SaynaError], int], ...] = (
    (ProviderTimeout, 504),
    (ProviderRateLimited, 503),
    (ProviderRejectedRequest, 400),
    (ProviderNotConfigured, 400),
    (ProviderError, 502),
)


def status_of(error: type[SaynaError], status: int, *, is_signed: bool) -> int:
    """Return the HTTP status of an error on /clip, where `is_signed`, or on /say.

    The player of a signed URL cannot mend what the URL says, so its mistakes are 404.
    """
    found = next((known for kind, known in _STATUSES if issubclass(error, kind)), status)
    return 404 if is_signed and found == 400 else found  # noqa: PLR2004
