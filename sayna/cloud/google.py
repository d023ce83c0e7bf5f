"""Google's access tokens: each asked for once and kept until a minute before its end.

For recordings the flow is google-auth's own (a signed JWT exchanged at the account's `token_uri`); the
request goes through sayna.http, and google-auth is imported with the first token.
"""

import json
import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sayna import http

TOKEN_SECONDS = 10.0
CONNECT_SECONDS = 3.0
MAX_TOKEN_BYTES = 65536
# Requests bring accounts of their own, so their number is not ours to know.
ACCOUNTS = 256
# A token that ends while its call is under way would be refused; Google's last for 3,600 s.
SPARE_SECONDS = 60
# It goes into a header.
TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the moment, on the monotonic clock, from which it is not used any more."""

    value: str
    over: float

    @classmethod
    def lasting(cls, value: object, seconds: float) -> "Token":
        """Return a token that ends in `seconds`; raises ValueError for what is none, or has no such end."""
        if not isinstance(value, str) or not TOKEN.fullmatch(value):
            raise ValueError("this is no token")
        try:
            return cls(value, time.monotonic() + seconds - SPARE_SECONDS)
        except OverflowError as error:
            raise ValueError("no clock goes so far") from error


@dataclass(slots=True)
class _Slot:
    token: Token | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Tokens:
    """The tokens of the accounts used last."""

    def __init__(self) -> None:
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, account: str, mint: Callable[[], Token], deadline: http.Deadline, *, refused: str = "") -> str:
        """Return the account's token, from `mint` when there is none but a `refused` one.

        Of many who ask at once one mints. Raises TimeoutError when another is still minting at the deadline,
        and whatever `mint` raises.
        """
        slot = self._slot(account)
        # A lock for each account: a slow answer about a request's own account holds up nobody else's.
        if not slot.lock.acquire(timeout=deadline.remaining()):
            raise TimeoutError("no token in time")
        try:
            if slot.token is None or slot.token.value == refused or time.monotonic() >= slot.token.over:
                slot.token = mint()
            return slot.token.value
        finally:
            slot.lock.release()

    def _slot(self, account: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(account, _Slot())
            self._slots.move_to_end(account)
            # Whoever waits at a slot that goes here still gets its token; the next one just asks again.
            if len(self._slots) > ACCOUNTS:
                self._slots.popitem(last=False)
            return slot


class NoToken(Exception):
    """Google gave no token; nothing of its words is in the message."""


class GoogleTokens:
    """The tokens of one service account for some scopes; may be shared by threads and made before a fork."""

    def __init__(self, account: Mapping[str, Any], scopes: tuple[str, ...]) -> None:
        self._account = account
        self._scopes = scopes
        self._credentials: Any = None
        self._tokens = Tokens()

    def token(self, refused: str | None = None) -> str:
        """Return a token that is good for some minutes, and not the one `refused`; raises NoToken."""
        deadline = http.Deadline.after(TOKEN_SECONDS)
        try:
            return self._tokens.get("", self._mint, deadline, refused=refused or "")
        except TimeoutError as error:
            raise NoToken("another request is still waiting for the token service") from error

    def _mint(self) -> Token:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - only whoever asks Google pays
        from google.oauth2.service_account import Credentials  # noqa: PLC0415

        try:
            if self._credentials is None:
                make: Any = Credentials.from_service_account_info
                self._credentials = make(self._account, scopes=self._scopes)
            self._credentials.refresh(_exchange)
        # The last two are what google-auth raises over a 200 that is something else, a portal's page.
        except (GoogleAuthError, ValueError, TypeError, OverflowError) as error:
            raise NoToken("the service account cannot be used") from error
        except http.TransportError as error:
            raise NoToken("the token service could not be asked") from error
        end = self._credentials.expiry
        # google-auth keeps moments of UTC without a zone. RFC 6749 only recommends `expires_in`: a token
        # without one is good until Google refuses it.
        seconds = (end.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if end else math.inf
        try:
            return Token.lasting(self._credentials.token, seconds)
        except ValueError as error:
            raise NoToken("the token service gave something other than a token") from error


@dataclass(frozen=True, slots=True)
class _Exchanged:
    """An answer as google-auth wants to see it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _exchange(
    url: str, method: str = "POST", body: bytes = b"", headers: Mapping[str, str] | None = None, **_: Any
) -> _Exchanged:
    """Send what google-auth asks for; it only ever posts."""
    # Not google-auth's own transport: that is `requests`, with redirects, proxies and no total deadline.
    answer = http.post(
        url, data=body, headers=headers or {}, deadline=http.Deadline.after(TOKEN_SECONDS),
        connect_seconds=CONNECT_SECONDS, max_bytes=MAX_TOKEN_BYTES,
    )  # fmt: skip
    return _Exchanged(answer.status, answer.headers, answer.body)


def read_account(text_or_path: str) -> Mapping[str, Any]:
    """Return a service account given as JSON or as the path of its file; raises OSError or ValueError."""
    if not text_or_path.lstrip().startswith("{"):
        text_or_path = Path(text_or_path).read_text("utf-8")
    account: Mapping[str, Any] = json.loads(text_or_path)
    return account
