"""The error of a vendor's refusal, and whether and when to retry."""

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from sayna import http
from sayna.errors import ProviderError, ProviderRateLimited, ProviderRejectedCredentials, ProviderRejectedRequest

# The contract's list; at most one retry, because a failed synthesis may have been billed.
RETRIED = frozenset({429, 500, 502, 503, 504})
# After a longer pause the caller gets Retry-After instead: a sleeping thread serves no request.
MAX_PAUSE_SECONDS = 2.0
MAX_ERROR_BYTES = 2**16
KINDS: Mapping[int, type[ProviderError]] = {
    **dict.fromkeys((400, 404, 413, 415, 422), ProviderRejectedRequest),
    **dict.fromkeys((401, 402, 403), ProviderRejectedCredentials),
    429: ProviderRateLimited,
}


def key_refused(slug: str) -> str:
    """Return the sentence that says that the server's own credentials were refused."""
    return (
        f"the server's key for {slug} was refused: it is wrong, lacks a permission or has no credit; "
        "the operator of this server must replace it"
    )


def error_for(
    slug: str, status: int, kind: type[ProviderError], retry_after: float | None, *, own: bool
) -> ProviderError:
    """Return the error of one refusal, without the vendor's text; `own` credentials came with the request."""
    # Within the contract's bounds, because a client's library may wait as long as the vendor says.
    after = None if retry_after is None else max(1, min(60, math.ceil(retry_after)))
    if kind is ProviderRejectedCredentials:
        reason = "they are wrong, lack a permission or have no credit"
        sentence = f"{slug} refused the credentials in this request: {reason}" if own else key_refused(slug)
        return ProviderRejectedCredentials(sentence, from_request=own)
    if kind is ProviderRateLimited:
        return ProviderRateLimited(f"{slug} asks for fewer requests", retry_after=after or 1)
    if kind is ProviderRejectedRequest:
        return ProviderRejectedRequest(f"{slug} refused this voice, model, language or text")
    return kind(f"{slug} failed with status {status}", retry_after=after)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After, 0 or more; None when it is absent or cannot be read."""
    # Seconds or an HTTP date (RFC 9110, 10.2.3).
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, min(float(value), 1e9))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def pause(status: int, kind: type[ProviderError], after: float | None) -> float:
    """Return the seconds to wait before a retry; infinity when there should be none."""
    # Polly answers 400 when a client sends too many requests.
    if kind is not ProviderRateLimited and (status not in RETRIED or kind is not ProviderError):
        return math.inf
    if after is None:
        # Random, so that many callers do not retry at the same moment.
        return random.uniform(0.05, 0.25)  # noqa: S311
    return after if after <= MAX_PAUSE_SECONDS else math.inf


def beginning(reply: "http.StreamedResponse") -> bytes:
    """Return the first MAX_ERROR_BYTES of an error's body, empty when it cannot be read."""
    body = b""
    try:
        for chunk in reply.chunks():
            body += chunk
            if len(body) >= MAX_ERROR_BYTES:
                break
    except http.TransportError:
        return b""
    finally:
        reply.close()
    return body
