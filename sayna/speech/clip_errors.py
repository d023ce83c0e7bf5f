"""Errors of clip URLs."""

from sayna.errors import (
    InvalidRequest,
    ProviderError,
    ProviderNotConfigured,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderTimeout,
    SaynaError,
)


class ClipTooLong(InvalidRequest, code="CLIP_TOO_LONG"):
    """The URL of the clip would have more than 1000 characters."""


class CrossSiteRequest(SaynaError, status=403, code="CROSS_SITE_REQUEST"):
    """A web page of another site sent the request."""


class OpenVendorsDisabled(SaynaError, status=403, code="OPEN_VENDORS_DISABLED"):
    """Without authentication, a GET speaks with local providers only."""


class ClipNotFound(SaynaError, status=404, code="CLIP_NOT_FOUND"):
    """No clip has this URL: a part of it is wrong, or its tenant no longer exists."""

    sentence = "no clip has this URL"


class ClipExpired(SaynaError, status=410, code="CLIP_EXPIRED"):
    """The URL of the clip has expired."""

    sentence = "the URL of this clip has expired; ask for a new one"


class ClipsNotConfigured(SaynaError, code="CLIPS_NOT_CONFIGURED"):
    """The server has no lasting secret to sign clip URLs with."""

    sentence = "clip URLs need a secret that lasts; set CACHE_PATH, SAYNA_SECRET or CLIP_SECRETS_JSON"


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
