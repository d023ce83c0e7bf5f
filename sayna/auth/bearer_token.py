"""Who is calling, and the token that they brought."""

import re

from sayna.errors import NotAuthenticated

# gunicorn joins repeated headers by commas, so a second one shows as ", Scheme credentials".
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_JOINED = re.compile(r",\s*[A-Za-z][A-Za-z0-9-]*\s+\S")


def read_token(authorization: list[str], query_keys: list[str], *, allow_query: bool) -> str:
    """Return the token from all Authorization headers and `api_key`s; raises NotAuthenticated."""
    keys = query_keys if allow_query else []
    # Refused, not resolved: a proxy in front may have judged the other one (ASVS 15.3.7).
    if len(authorization) > 1 or len(keys) > 1 or any(map(_JOINED.search, authorization)):
        raise _invalid("Send one Authorization header or one api_key, not several.")
    bearer = _BEARER.fullmatch(authorization[0].strip()) if authorization else None
    if bearer:
        return bearer[1]
    # A malformed header beside a good api_key passes, as in the reference server.
    if keys and keys[0].strip():
        return keys[0]
    if authorization:
        raise _invalid("The Authorization header is not of the form: Bearer <token>.")
    raise NotAuthenticated("missing_auth_header", "Send the header Authorization: Bearer <token>.")


def _invalid(message: str) -> NotAuthenticated:
    return NotAuthenticated("invalid_auth_header", message)
