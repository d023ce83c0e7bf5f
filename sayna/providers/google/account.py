"""Google accounts: which ones Sayna accepts, and how they get an access token.

The grants are those of https://developers.google.com/identity/protocols/oauth2/service-account . google-auth
does not make them here, because it reads local files for some types of credentials, and the credentials
themselves decide where it sends a grant.
"""

import hashlib
import json
import operator
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast
from urllib.parse import urlencode

from sayna.cloud.google import Token, TokenCache, read_account
from sayna.config import KeyedConfig, Secret, cloud, setting
from sayna.config.sources import is_json_file, is_json_object
from sayna.config.types import secret
from sayna.errors import InvalidProviderAuth, ProviderError, ProviderNotConfigured, ProviderTimeout
from sayna.http import Deadline
from sayna.providers.parsing import mapping, text

# The only `token_uri` that a request may have: this server would call any other address (SSRF).
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
# The one scope of the API: https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
UNIVERSE = "googleapis.com"
# The maximum of Google, in seconds.
GRANT_SECONDS = 3600
MAX_KEY_CHARACTERS = 8192
NEEDED = {
    "service_account": ("client_email", "private_key"),
    # Only in the server's settings: a person's account, as gcloud writes it.
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
_EMAIL = re.compile(r"[\x21-\x7e]{1,256}@[a-z0-9.-]{1,253}")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class GoogleConfig(KeyedConfig):
    """The settings of Google Cloud Text-to-Speech; `credentials` is a path or the JSON itself."""

    credentials: Secret | None = setting(
        "GOOGLE_APPLICATION_CREDENTIALS",
        secret,
        None,
        "Service account: path of its JSON file, or the JSON itself.",
        yaml="providers.google_credentials",
    )
    base_url: str = setting(
        "GOOGLE_TTS_BASE_URL", cloud, "https://texttospeech.googleapis.com", "Base URL of the Google speech API."
    )
    token_url: str = setting("GOOGLE_TOKEN_URL", cloud, TOKEN_URI, "URL of Google access tokens for speech.")

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for missing credentials and for ones that cannot be read as a JSON object."""
        yield from KeyedConfig.problems(self, given)
        # Checked at start: otherwise the first client would find that the file is missing.
        own = self.credentials.reveal() if self.credentials else "{}"
        if not is_json_object(own) and not is_json_file(own):
            yield "GOOGLE_APPLICATION_CREDENTIALS is no JSON object, nor the path of one; set it to either."


class GoogleAccess:
    """The access tokens of accounts; `call` sends a request and returns its JSON."""

    def __init__(self, config: GoogleConfig, call: Callable[..., Any]) -> None:
        self._config = config
        self._call = call
        self._tokens = TokenCache()

    def headers(
        self,
        credentials: Mapping[str, Any] | None,
        *,
        deadline: Deadline,
        connect_seconds: float | None,
        refused: str = "",
    ) -> dict[str, str]:
        """Return headers with a token other than the one in the header `refused`; raises ProviderError."""
        account = credentials["credentials"] if credentials else self._own_account
        own = credentials is not None

        def mint() -> Token:
            return _token(
                self._call(
                    "POST",
                    self._config.token_url,
                    headers=_FORM,
                    body=_grant(account, own=own),
                    own=own,
                    deadline=deadline,
                    connect_seconds=connect_seconds,
                )
            )

        try:
            # A digest, because the account holds a secret.
            digest = hashlib.sha256(json.dumps(account, sort_keys=True).encode()).hexdigest()
            token = self._tokens.get(digest, mint, deadline, refused=refused.removeprefix("Bearer "))
        except TimeoutError as error:
            raise ProviderTimeout("google did not answer in time") from error
        # A person's account names a project, because the account itself cannot be billed.
        project = text(account, "quota_project_id")
        return {"Authorization": f"Bearer {token}"} | ({"X-Goog-User-Project": project} if project else {})

    @cached_property
    def _own_account(self) -> Mapping[str, Any]:
        """The server's account, from its JSON or from a path; raises ProviderNotConfigured."""
        if self._config.credentials is None:
            raise ProviderNotConfigured("google is not configured; set GOOGLE_APPLICATION_CREDENTIALS")
        try:
            account = mapping(read_account(self._config.credentials.reveal()))
        except (OSError, ValueError) as error:
            raise ProviderNotConfigured("the file of GOOGLE_APPLICATION_CREDENTIALS cannot be read") from error
        needed = NEEDED.get(text(account, "type"))
        if not needed or not all(text(account, name) for name in needed):
            raise ProviderNotConfigured(
                f"GOOGLE_APPLICATION_CREDENTIALS must be of type {' or '.join(NEEDED)}, with all of its fields"
            )
        return account


def check(given: Any) -> None:
    """Raise InvalidProviderAuth, with one message for every flaw, unless it is a service account."""
    if isinstance(given, dict) and given.get("type") == "service_account":
        email, key = given.get("client_email"), given.get("private_key")
        pem = isinstance(key, str) and key.startswith("-----BEGIN ") and len(key) <= MAX_KEY_CHARACTERS
        google = given.get("token_uri", TOKEN_URI) == TOKEN_URI
        home = given.get("universe_domain", UNIVERSE) == UNIVERSE
        if isinstance(email, str) and _EMAIL.fullmatch(email) and pem and google and home:
            return
    # One message for all flaws: otherwise a client could find out which files this server has.
    raise InvalidProviderAuth(
        "auth.credentials must be the JSON object of a Google service account, unchanged: "
        f"type, client_email, private_key, and token_uri {TOKEN_URI}; a path is not taken"
    )


def _grant(account: Mapping[str, Any], *, own: bool) -> bytes:
    """Return the form that requests an access token."""
    if account["type"] == "authorized_user":
        names = NEEDED["authorized_user"]
        return urlencode({"grant_type": "refresh_token"} | {name: account[name] for name in names}).encode()
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return urlencode({"grant_type": bearer, "assertion": _assertion(account, own=own)}).encode()


def _assertion(account: Mapping[str, Any], *, own: bool) -> str:
    """Return the signed claims of a service account; raises InvalidProviderAuth or ProviderNotConfigured."""
    import jwt  # noqa: PLC0415 - loads cryptography, which only Google needs here

    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": TOKEN_URI,
        "iat": now,
        "exp": now + GRANT_SECONDS,
    }
    named = account.get("private_key_id")
    headers = {"kid": named} if isinstance(named, str) else None
    # Environment files often escape the line breaks twice (github.com/theoephraim/node-google-spreadsheet/issues/70).
    key = account["private_key"].replace(r"\n", "\n")
    try:
        return jwt.encode(claims, key, "RS256", headers)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        if own:
            raise InvalidProviderAuth("auth.credentials.private_key must be an RSA key in PEM") from error
        raise ProviderNotConfigured("the key in GOOGLE_APPLICATION_CREDENTIALS is no RSA key") from error


def _token(answer: Any) -> Token:
    value, seconds = mapping(answer).get("access_token"), cast("Any", mapping(answer).get("expires_in"))
    try:
        return Token.valid_for(value, operator.index(seconds))
    except (TypeError, ValueError) as error:
        raise ProviderError("google answered with something other than an access token") from error
