"""The auth service: asked about a token with a signed request, it says no, or yes and whose it is.

Whatever is neither a clear yes nor a clear no is a failure, and none of its words reach the client.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sayna.config import TENANT
from sayna.errors import AuthServiceFailed, AuthServiceUnavailable, NotAuthenticated
from sayna.http import Deadline, HttpResponse, TimedOut, TransportError, Unreachable

if TYPE_CHECKING:
    from sayna.auth.signing import SigningKey

# An id has at most 128 characters: whoever sends more than this is no auth service.
MAX_ANSWER_BYTES = 65536
# The token travels in a claim of its own; what a proxy adds says nothing about the caller.
HIDDEN_HEADERS = frozenset({"authorization", "cookie", "host", "proxy-authorization", "x-real-ip"})
HIDDEN_PREFIXES = ("x-forwarded-", "x-sayna-")


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """What the auth service is told of a request; `body` is the object that the endpoint will handle."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: object = None


class Post(Protocol):
    """The one thing that is needed of `sayna.http`."""

    def __call__(
        self, url: str, *, data: bytes, headers: Mapping[str, str], deadline: Deadline,
        connect_seconds: float, max_bytes: int,
    ) -> HttpResponse:  # fmt: skip
        """Return a whole answer; raises TransportError and its kinds."""


@dataclass(frozen=True, slots=True)
class AuthService:
    """Where tokens are judged, and with which key and patience (in seconds) it is asked."""

    url: str
    key: "SigningKey"
    timeout_seconds: float
    post: Post

    def tenant_of(self, token: str, facts: AuthRequest) -> str | None:
        """Return the tenant of a token, or None when the service lets it in without naming one.

        Raises NotAuthenticated, AuthServiceFailed or AuthServiceUnavailable.
        """
        answer = self._ask(self.key.sign(_auth_data(token, facts)))
        # Redirects and other codes are no yes: the reference took a login page behind a 302 for one.
        if answer.status == 200:  # noqa: PLR2004
            return _tenant_in(answer.body)
        # 429 says nothing about the token: the service is overloaded.
        if 400 <= answer.status < 500 and answer.status != 429:  # noqa: PLR2004
            raise unauthorized()
        # What says neither yes nor no must not look like a wrong token: clients would throw theirs away.
        raise _failed()

    def _ask(self, signed: str) -> HttpResponse:
        try:
            return self.post(
                self.url,
                data=signed.encode("ascii"),
                headers={"Content-Type": "application/jwt"},
                deadline=Deadline.after(self.timeout_seconds),
                connect_seconds=self.timeout_seconds,
                max_bytes=MAX_ANSWER_BYTES,
            )
        except (Unreachable, TimedOut) as error:
            raise AuthServiceUnavailable("The auth service cannot be reached at the moment.") from error
        except TransportError as error:
            raise _failed() from error


def _auth_data(token: str, facts: AuthRequest) -> dict[str, object]:
    return {
        "token": token,
        "request_body": {} if facts.body is None else facts.body,
        "request_headers": _visible(facts.headers),
        "request_path": facts.path,
        "request_method": facts.method,
    }


def _visible(headers: Mapping[str, str]) -> dict[str, str]:
    lowered = {name.lower(): value for name, value in headers.items()}
    hidden = {name for name in lowered if name in HIDDEN_HEADERS or name.startswith(HIDDEN_PREFIXES)}
    return {name: value for name, value in lowered.items() if name not in hidden}


def _tenant_in(body: bytes) -> str | None:
    """Return the tenant that an answer names; text and an object without `id` name none."""
    try:
        # Some frameworks begin JSON with a byte order mark.
        text = body.decode("utf-8-sig").strip()
        # What begins like an object must be a whole one; anything else is mere text, such as OK.
        found = json.loads(text, object_pairs_hook=_once) if text.startswith("{") else {}
    except (ValueError, RecursionError) as error:
        raise _failed() from error
    if "id" not in found:
        return None
    # Closed, not open: in the reference a garbled id meant every tenant's rooms.
    if not isinstance(found["id"], str) or not TENANT.fullmatch(found["id"]):
        raise _failed()
    return str(found["id"])


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    # Of two ids another parser may take the other one.
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def unauthorized() -> NotAuthenticated:
    """Return the error of a token that nobody knows."""
    return NotAuthenticated("unauthorized", "The token is not valid.")


def _failed() -> AuthServiceFailed:
    return AuthServiceFailed("The auth service gave no usable answer.")
