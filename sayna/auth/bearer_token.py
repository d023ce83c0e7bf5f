"""Read the token of a request: from X-API-Key, from Authorization, or from the query."""

import re
from collections.abc import Sequence

from sayna.errors import NotAuthenticated

# gunicorn joins repeated headers with commas, so a second header appears as ", Scheme credentials".
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_JOINED = re.compile(r",\s*[A-Za-z][A-Za-z0-9-]*\s+\S")
# A key with a comma is not possible in X-API-Key, because it cannot be told from two keys.
_KEY = re.compile(r"[^\s,]+")

_WAYS = "Authorization: Bearer <token>, or X-API-Key: <token>"


def read_token(
    authorization: Sequence[str], query_keys: Sequence[str], *, allow_query: bool, header_keys: Sequence[str] = ()
) -> str:
    """Return the token of a request; raises NotAuthenticated.

    `header_keys` are the values of X-API-Key, which counts before a well-formed Authorization header, which counts
    before `query_keys`, the values of `api_key` in the query (contract 0).
    """
    keys = query_keys if allow_query else ()
    # Refuse several tokens instead of choosing one: a proxy may have checked another one (ASVS 15.3.7).
    if any(len(values) > 1 for values in (authorization, keys, header_keys)) or any(map(_JOINED.search, authorization)):
        raise _invalid("Send one token: one Authorization header, one X-API-Key or one api_key.")
    header_key = header_keys[0].strip() if header_keys else ""
    if "," in header_key:
        raise _invalid("Send one X-API-Key header, with a token that has no comma.")
    bearer = _BEARER.fullmatch(authorization[0].strip()) if authorization else None
    if _KEY.fullmatch(header_key):
        return header_key
    if bearer:
        return bearer[1]
    # A valid api_key counts even beside a malformed header (contract 2).
    if keys and keys[0].strip():
        return keys[0]
    if authorization or header_key:
        raise _invalid(f"The header with the token is malformed. Send {_WAYS}.")
    in_query = ", or ?api_key=<token> in the address" if allow_query else ""
    raise NotAuthenticated("missing_auth_header", f"Send a token: the header {_WAYS}{in_query}.")


def read_key(keys: list[str], authorization: list[str]) -> str:
    """Return the token of a header that holds nothing else; raises NotAuthenticated for several tokens."""
    if len(keys) > 1 or "," in keys[0] or authorization:
        raise _invalid("Send one key: xi-api-key, or Authorization, not several.")
    if not re.fullmatch(r"\S+", key := keys[0].strip()):
        raise _invalid("The header xi-api-key is malformed. Send xi-api-key: <token>.")
    return key


def _invalid(message: str) -> NotAuthenticated:
    return NotAuthenticated("invalid_auth_header", message)
