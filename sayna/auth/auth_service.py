"""The auth service: it receives a signed request about a token, and accepts it for a tenant or rejects it.

Any other response is a failure, and no text of the service reaches the client.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from sayna import http
from sayna.caller import Caller
from sayna.config import TENANT
from sayna.config.auth import characters
from sayna.errors import AuthServiceFailed, AuthServiceUnavailable, NotAuthenticated
from sayna.http import Deadline, TimedOut, TransportError, Unreachable

if TYPE_CHECKING:
    from sayna.auth.signing import SigningKey

# A tenant id has at most 128 characters, so no auth service needs a longer body.
MAX_RESPONSE_BYTES = 65536
# The token has its own claim, and headers of proxies say nothing about the caller.
HIDDEN_HEADERS = frozenset(
    {"authorization", "cookie", "host", "proxy-authorization", "x-api-key", "x-real-ip", "xi-api-key"}
)
HIDDEN_PREFIXES = ("x-forwarded-", "x-sayna-")


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """The part of a request that the auth service receives.

    `body` is the object that the view will use, `query` the part of the address behind `?`.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: object = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class AuthService:
    """A client of the auth service."""

    url: str
    key: "SigningKey"
    timeout_seconds: float

    def caller_of(self, token: str, auth_request: AuthRequest) -> Caller:
        """Return the caller of a token, without a tenant when the service names none.

        Raises NotAuthenticated, AuthServiceFailed or AuthServiceUnavailable.
        """
        status, body = self._post(self.key.sign(_auth_data(token, auth_request)))
        # Only 200 accepts: a redirect may lead to a login page, which returns 200 for any token.
        if status == 200:  # noqa: PLR2004
            return _caller_in(body)
        # 429 says nothing about the token, only that the service is overloaded.
        if 400 <= status < 500 and status != 429:  # noqa: PLR2004
            raise unauthorized()
        # Raise 502, not 401, for an unexpected response: on 401, clients discard their token.
        raise _failed()

    def _post(self, signed: str) -> tuple[int, bytes]:
        try:
            response = http.send(
                "POST",
                self.url,
                data=signed.encode("ascii"),
                headers={"Content-Type": "application/jwt"},
                deadline=Deadline.after(self.timeout_seconds),
                connect_seconds=self.timeout_seconds,
                max_bytes=MAX_RESPONSE_BYTES,
            )
            return response.status, response.read()
        except (Unreachable, TimedOut) as error:
            raise AuthServiceUnavailable("The auth service cannot be reached at the moment.") from error
        except TransportError as error:
            raise _failed() from error


def _auth_data(token: str, auth_request: AuthRequest) -> dict[str, object]:
    # The token has its own claim; its name in the query may be percent-encoded.
    parts = auth_request.query.split("&")
    return {
        "token": token,
        "request_body": {} if auth_request.body is None else auth_request.body,
        "request_headers": _visible(auth_request.headers),
        "request_path": auth_request.path,
        "request_method": auth_request.method,
        "request_query": "&".join(part for part in parts if unquote_plus(part.partition("=")[0]) != "api_key"),
    }


def _visible(headers: Mapping[str, str]) -> dict[str, str]:
    lowered = {name.lower(): value for name, value in headers.items()}
    hidden = {name for name in lowered if name in HIDDEN_HEADERS or name.startswith(HIDDEN_PREFIXES)}
    return {name: value for name, value in lowered.items() if name not in hidden}


def _caller_in(body: bytes) -> Caller:
    """Return the tenant and its cap in a body; a caller without either for text and for an empty object."""
    try:
        # Some frameworks begin JSON with a byte order mark.
        text = body.decode("utf-8-sig").strip()
        # A body that begins like an object must be a valid one; any other is text such as OK.
        found = json.loads(text, object_pairs_hook=_without_duplicates) if text.startswith("{") else {}
        cap = characters(found.get("characters_per_month"))
    except (ValueError, RecursionError) as error:
        raise _failed() from error
    if "id" not in found:
        return Caller(characters_per_month=cap)
    # Fail on an invalid id: as a caller without a tenant, the client could access resources without an owner.
    if not isinstance(found["id"], str) or not TENANT.fullmatch(found["id"]):
        raise _failed()
    return Caller(found["id"], characters_per_month=cap)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    # Refuse a duplicate, because another parser may read the other value.
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def unauthorized() -> NotAuthenticated:
    """Return the error for a wrong token."""
    return NotAuthenticated("unauthorized", "The token is not valid.")


def _failed() -> AuthServiceFailed:
    return AuthServiceFailed("The auth service gave no usable response.")
