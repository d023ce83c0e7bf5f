"""Access tokens of Google: requested once and kept until one minute before they expire.

For recordings, google-auth signs a JWT and exchanges it at the account's `token_uri`; its request goes through
sayna.http, and google-auth is imported with the first token.
"""

import functools
import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from sayna import http

TOKEN_SECONDS = 10.0
CONNECT_SECONDS = 3.0
MAX_TOKEN_BYTES = 65536
# A limit, because requests may bring any number of accounts.
MAX_ACCOUNTS = 256
# Google refuses a token that expires during its call; a token is valid for 3,600 s.
SPARE_SECONDS = 60
# Only characters that are valid in a header.
TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and the time on the monotonic clock at which it must be renewed."""

    value: str
    renew_at: float

    @classmethod
    def valid_for(cls, value: object, seconds: float) -> "Token":
        """Return a token that expires in `seconds`; raises ValueError when either value is not valid."""
        if not isinstance(value, str) or not TOKEN.fullmatch(value):
            raise ValueError("this is not an access token")
        try:
            return cls(value, time.monotonic() + seconds - SPARE_SECONDS)
        except OverflowError as error:
            raise ValueError("the lifetime is too long for the clock") from error


@dataclass(slots=True)
class _AccountSlot:
    token: Token | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class TokenCache:
    """The tokens of the accounts that were used most recently."""

    def __init__(self) -> None:
        # A thread that waits for a removed slot still gets its token; the next request renews it.
        self._slot = functools.lru_cache(MAX_ACCOUNTS)(lambda account: _AccountSlot())
        self._lock = threading.Lock()

    def get(self, account: str, mint: Callable[[], Token], deadline: http.Deadline, *, refused: str = "") -> str:
        """Return the token of the account; call `mint` when it must be renewed or is the one that Google `refused`.

        One thread at a time calls `mint` for an account. Raises TimeoutError when another thread still does so at the
        deadline, and any error of `mint`.
        """
        with self._lock:
            slot = self._slot(account)
        # One lock for each account, otherwise a slow response for one account would delay all others.
        if not slot.lock.acquire(timeout=deadline.remaining()):
            raise TimeoutError("no token in time")
        try:
            if slot.token is None or slot.token.value == refused or time.monotonic() >= slot.token.renew_at:
                slot.token = mint()
            return slot.token.value
        finally:
            slot.lock.release()


class NoToken(Exception):
    """Google gave no token; the message quotes nothing of the response."""


class GoogleTokens:
    """The tokens of one service account for `scopes`; safe to share between threads, and to create before a fork."""

    def __init__(self, account: Mapping[str, Any], scopes: tuple[str, ...]) -> None:
        self._account = account
        self._scopes = scopes
        self._tokens = TokenCache()

    def token(self, refused: str | None = None) -> str:
        """Return a token that is valid for a minute at least, and is not `refused`; raises NoToken."""
        deadline = http.Deadline.after(TOKEN_SECONDS)
        try:
            return self._tokens.get("", self._mint, deadline, refused=refused or "")
        except TimeoutError as error:
            raise NoToken("another request still waits for the token service") from error

    def signed_url(self, url: str, query: Mapping[str, str], seconds: int) -> str:
        """Return a URL of Cloud Storage's XML API at which any client may GET an object for so many seconds.

        https://cloud.google.com/storage/docs/access-control/signing-urls-manually . The path of `url` is
        percent-encoded already. Raises ValueError when the account has no usable key.
        """
        parts, now = urlsplit(url), datetime.now(UTC)
        scope = f"{now:%Y%m%d}/auto/storage/goog4_request"
        signed = {
            **query,
            "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
            "X-Goog-Credential": f"{self._signer.signer_email}/{scope}",
            "X-Goog-Date": f"{now:%Y%m%dT%H%M%SZ}",
            "X-Goog-Expires": str(seconds),
            "X-Goog-SignedHeaders": "host",
        }
        names = urlencode(sorted(signed.items()), quote_via=quote, safe="")
        request = "\n".join(("GET", parts.path, names, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"))
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = "\n".join((signed["X-Goog-Algorithm"], signed["X-Goog-Date"], scope, digest))
        return f"{url}?{names}&X-Goog-Signature={self._signer.sign_bytes(text.encode()).hex()}"

    @functools.cached_property
    def _signer(self) -> Any:
        """The credentials of the account; to read its key takes 0.1 s, so this happens once."""
        from google.oauth2.service_account import Credentials  # noqa: PLC0415 - with the first token

        make: Any = Credentials.from_service_account_info
        return make(self._account, scopes=self._scopes)

    def _mint(self) -> Token:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        try:
            self._signer.refresh(_transport)
        # google-auth raises TypeError or OverflowError for a 200 without a token, such as a captive portal.
        except (GoogleAuthError, ValueError, TypeError, OverflowError) as error:
            raise NoToken("the service account cannot be used") from error
        except http.TransportError as error:
            raise NoToken("the token service could not be reached") from error
        expiry = self._signer.expiry
        # google-auth gives UTC without a time zone. RFC 6749 does not require `expires_in`: a token without it is used
        # until Google refuses it.
        seconds = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if expiry else math.inf
        try:
            return Token.valid_for(self._signer.token, seconds)
        except ValueError as error:
            raise NoToken("the response of the token service has no valid token") from error


def _transport(
    url: str, method: str = "POST", body: bytes = b"", headers: Mapping[str, str] | None = None, **_: Any
) -> SimpleNamespace:
    """Send a request for google-auth, which uses POST only, and return the response in the form that it expects."""
    # Not google-auth's own transport, because it follows redirects, uses proxies and has no total deadline.
    response = http.send(
        "POST",
        url,
        data=body,
        headers=headers or {},
        deadline=http.Deadline.after(TOKEN_SECONDS),
        connect_seconds=CONNECT_SECONDS,
        max_bytes=MAX_TOKEN_BYTES,
    )
    return SimpleNamespace(status=response.status, headers=response.headers, data=response.read())


def read_account(text_or_path: str) -> Mapping[str, Any]:
    """Return a service account from JSON or from the path of its file; raises OSError or ValueError."""
    if not text_or_path.lstrip().startswith("{"):
        text_or_path = Path(text_or_path).read_text("utf-8")
    # The key's line breaks may be escaped twice, see sayna.providers.google.account.
    return cast("Mapping[str, Any]", json.loads(text_or_path.replace(r"\\n", r"\n")))
