"""Access tokens of a Google service account, kept until they run out.

The flow is google-auth's own (a signed JWT exchanged at the account's `token_uri`); the request goes through
sayna.http, and google-auth is imported with the first token.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sayna import http

TOKEN_SECONDS = 10.0
CONNECT_SECONDS = 3.0
MAX_TOKEN_BYTES = 65536


class NoToken(Exception):
    """Google gave no token; nothing of its words is in the message."""


class GoogleTokens:
    """The tokens of one service account for some scopes; may be shared by threads and made before a fork."""

    def __init__(self, account: Mapping[str, Any], scopes: tuple[str, ...]) -> None:
        self._account = account
        self._scopes = scopes
        self._credentials: Any = None
        self._lock = threading.Lock()

    def token(self, refused: str | None = None) -> str:
        """Return a token that is good for some minutes, and not the one `refused`; raises NoToken."""
        with self._lock:
            if self._credentials is None or not self._credentials.valid or self._credentials.token == refused:
                self._refresh()
            return str(self._credentials.token)

    def _refresh(self) -> None:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - only whoever asks Google pays
        from google.oauth2.service_account import Credentials  # noqa: PLC0415

        try:
            if self._credentials is None:
                make: Any = Credentials.from_service_account_info
                self._credentials = make(self._account, scopes=self._scopes)
            self._credentials.refresh(_exchange)
        except (GoogleAuthError, ValueError) as error:
            raise NoToken("the service account cannot be used") from error
        except http.TransportError as error:
            raise NoToken("the token service could not be asked") from error


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
