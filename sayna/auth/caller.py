"""Who is calling, and the token that they brought."""

import re
from dataclasses import dataclass

from sayna.errors import NotAuthenticated


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling; without a tenant only what has no owner is theirs, unless auth is off."""

    tenant: str | None = None
    everything: bool = False

    def may_touch(self, owner: str | None) -> bool:
        """Return whether a thing of this owner (None: nobody's) is the caller's; compared byte for byte."""
        return self.everything or self.tenant == owner


ANYONE = Caller(everything=True)


def read_token(authorization: list[str], query_keys: list[str], *, allow_query: bool) -> str:
    """Return the caller's token from all its Authorization headers and `api_key`s; raises NotAuthenticated."""
    keys = query_keys if allow_query else []
    if len(authorization) > 1 or len(keys) > 1:
        raise NotAuthenticated(
            "invalid_auth_header", "Send one Authorization header or one api_key, not several."
        )
    bearer = (
        re.fullmatch(r"bearer +(\S+)", authorization[0].strip(), re.IGNORECASE) if authorization else None
    )
    if bearer:
        return bearer[1]
    if keys and keys[0].strip():
        return keys[0]
    if authorization:
        raise NotAuthenticated("invalid_auth_header", "The Authorization header is not: Bearer <token>.")
    raise NotAuthenticated("missing_auth_header", "Send the header Authorization: Bearer <token>.")
