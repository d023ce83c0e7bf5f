"""What opens Google's doors: an access token for the account of the server, or of a request."""

import operator
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

from sayna.cloud.google import Token, TokenCache
from sayna.config import GoogleConfig
from sayna.errors import InvalidProviderAuth, ProviderError, ProviderNotConfigured, ProviderTimeout
from sayna.http import Deadline
from sayna.providers.google import account as accounts
from sayna.providers.parsing import mapping, text

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class GoogleAccess:
    """Headers for the calls; `ask` makes a call and returns its JSON."""

    def __init__(self, config: GoogleConfig, ask: Callable[..., Any]) -> None:
        self._config = config
        self._ask = ask
        self._tokens = TokenCache()

    def headers(
        self,
        credentials: Mapping[str, Any] | None,
        *,
        deadline: Deadline,
        connect_seconds: float,
        refused: str = "",
    ) -> dict[str, str]:
        """Return headers with a token other than the one in the header `refused`; raises ProviderError."""
        account = credentials["credentials"] if credentials else self._own_account
        own = credentials is not None

        def mint() -> Token:
            return _token(
                self._ask(
                    "POST", self._config.token_url, headers=_FORM, body=_grant(account, own=own), own=own,
                    deadline=deadline, connect_seconds=connect_seconds,
                )
            )  # fmt: skip

        try:
            token = self._tokens.get(accounts.digest(account), mint, deadline, refused=refused.removeprefix("Bearer "))
        except TimeoutError as error:
            raise ProviderTimeout("google did not answer in time") from error
        # A person's account has no project of its own that could be billed.
        project = text(account, "quota_project_id")
        return {"Authorization": f"Bearer {token}"} | ({"X-Goog-User-Project": project} if project else {})

    @cached_property
    def _own_account(self) -> Mapping[str, Any]:
        if self._config.credentials is None:
            raise ProviderNotConfigured("google is not configured; set GOOGLE_APPLICATION_CREDENTIALS")
        return accounts.load(self._config.credentials.reveal())


def _grant(account: Mapping[str, Any], *, own: bool) -> bytes:
    try:
        return accounts.grant(account)
    except ValueError as error:
        if own:
            raise InvalidProviderAuth("auth.credentials.private_key must be an RSA key in PEM") from error
        raise ProviderNotConfigured("the key in GOOGLE_APPLICATION_CREDENTIALS is no RSA key") from error


def _token(answer: Any) -> Token:
    value, seconds = mapping(answer).get("access_token"), cast("Any", mapping(answer).get("expires_in"))
    try:
        return Token.valid_for(value, operator.index(seconds))
    except (TypeError, ValueError) as error:
        raise ProviderError("google answered with something other than an access token") from error
