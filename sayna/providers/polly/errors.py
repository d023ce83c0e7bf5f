"""The names that AWS has for what went wrong, where they say more than the status."""

import json
from collections.abc import Mapping

from sayna.errors import ProviderError, ProviderRateLimited, ProviderRejectedCredentials
from sayna.providers.parsing import mapping, text

_THROTTLED = ("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException")
_CREDENTIALS = (
    *("AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"),
    *("IncompleteSignatureException", "InvalidClientTokenId", "InvalidSignatureException"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "OptInRequired"),
    *("SignatureDoesNotMatch", "UnrecognizedClientException"),
)
_KINDS: Mapping[str, type[ProviderError]] = {
    **dict.fromkeys(_THROTTLED, ProviderRateLimited),
    **dict.fromkeys(_CREDENTIALS, ProviderRejectedCredentials),
}


def kind(body: bytes, headers: Mapping[str, str]) -> type[ProviderError] | None:
    """Return the kind that the header, or else the body, names; a namespace or an address may surround it."""
    # AWS's name decides: throttling is a 400 here, and so is a token that is over.
    name = headers.get("x-amzn-errortype", "")
    if not name:
        try:
            name = text(mapping(json.loads(body)), "__type", "code")
        except (ValueError, RecursionError):
            return None
    return _KINDS.get(name.partition(":")[0].rpartition("#")[2])
