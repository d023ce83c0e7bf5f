"""Google accounts: which ones may be used, and how they ask for an access token.

The grants are those of https://developers.google.com/identity/protocols/oauth2/service-account . They are
made here because google-auth reads local files for some types of credentials, and chooses where to send
them by what stands inside.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sayna.errors import InvalidProviderAuth, ProviderNotConfigured
from sayna.providers.parsing import mapping, text

# Of a request's account it may be nothing else: `token_uri` is where our server would be sent (SSRF).
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
# The one scope of the API: https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
UNIVERSE = "googleapis.com"
# The longest that Google takes.
GRANT_SECONDS = 3600
MAX_KEY_CHARACTERS = 8192
NEEDED = {
    "service_account": ("client_email", "private_key"),
    # Only of the server's own: a person's account, as gcloud writes it.
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
_EMAIL = re.compile(r"[\x21-\x7e]{1,256}@[a-z0-9.-]{1,253}")


def check(given: Any) -> None:
    """Raise InvalidProviderAuth, in the same words for every flaw, unless it is a service account."""
    if isinstance(given, dict) and given.get("type") == "service_account":
        email, key = given.get("client_email"), given.get("private_key")
        pem = isinstance(key, str) and key.startswith("-----BEGIN ") and len(key) <= MAX_KEY_CHARACTERS
        google = given.get("token_uri", TOKEN_URI) == TOKEN_URI
        home = given.get("universe_domain", UNIVERSE) == UNIVERSE
        if isinstance(email, str) and _EMAIL.fullmatch(email) and pem and google and home:
            return
    # One sentence for all flaws, or paths in it would tell which files there are, as in the reference.
    raise InvalidProviderAuth(
        "auth.credentials must be the JSON object of a Google service account, unchanged: "
        f"type, client_email, private_key, and token_uri {TOKEN_URI}; a path is not taken"
    )


def load(source: str) -> Mapping[str, Any]:
    """Return the server's own account from its JSON or from the path of it; raises ProviderNotConfigured."""
    try:
        found = json.loads(source if source.startswith("{") else Path(source).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProviderNotConfigured("the file of GOOGLE_APPLICATION_CREDENTIALS cannot be read") from error
    account = mapping(found)
    needed = NEEDED.get(text(account, "type"))
    if not needed or not all(text(account, name) for name in needed):
        raise ProviderNotConfigured(
            f"GOOGLE_APPLICATION_CREDENTIALS must be of type {' or '.join(NEEDED)}, with all of its fields"
        )
    return account


def digest(account: Mapping[str, Any]) -> str:
    """Return what tells one account from all others without holding its secret."""
    return hashlib.sha256(json.dumps(account, sort_keys=True).encode()).hexdigest()


def grant(account: Mapping[str, Any]) -> bytes:
    """Return the form that asks for an access token; raises ValueError when the private key is none."""
    if account["type"] == "authorized_user":
        names = NEEDED["authorized_user"]
        return urlencode({"grant_type": "refresh_token"} | {name: account[name] for name in names}).encode()
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return urlencode({"grant_type": bearer, "assertion": _assertion(account)}).encode()


def _assertion(account: Mapping[str, Any]) -> str:
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
    try:
        return jwt.encode(claims, account["private_key"], "RS256", headers)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise ValueError("the private key is not an RSA key") from error
