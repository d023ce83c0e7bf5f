"""Read the token of a request."""

import re

from sayna.errors import NotAuthenticated

# gunicorn joins repeated headers with commas, so a second header appears as ", Scheme credentials".
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_JOINED = re.compile(r",\s*[A-Za-z][A-Za-z0-9-]*\s+\S")


def read_token(authorization: list[str], query_keys: list[str], *, allow_query: bool) -> str:
    """Return the token from the Authorization headers and the `api_key`s of the query; raises NotAuthenticated."""
    keys = query_keys if allow_query else []
    # Refuse several tokens instead of choosing one: a proxy may have checked another one (ASVS 15.3.7).
    if len(authorization) > 1 or len(keys) > 1 or any(map(_JOINED.search, authorization)):
        raise _invalid("Send one Authorization header or one api_key, not several.")
    bearer = _BEARER.fullmatch(authorization[0].strip()) if authorization else None
    if bearer:
        return bearer[1]
    # A valid api_key counts even beside a malformed header (contract 2).
    if keys and keys[0].strip():
        return keys[0]
    if authorization:
        raise _invalid("The Authorization header is malformed. Send Authorization: Bearer <token>.")
    raise NotAuthenticated("missing_auth_header", "Send the header Authorization: Bearer <token>.")


def read_key(keys: list[str], authorization: list[str]) -> str:
    """Return the token of a header that holds nothing else; raises NotAuthenticated for several tokens."""
    if len(keys) > 1 or "," in keys[0] or authorization:
        raise _invalid("Send one key: xi-api-key, or Authorization, not several.")
    if not re.fullmatch(r"\S+", key := keys[0].strip()):
        raise _invalid("The header xi-api-key is malformed. Send xi-api-key: <token>.")
    return key


def _invalid(message: str) -> NotAuthenticated:
    return NotAuthenticated("invalid_auth_header", message)
