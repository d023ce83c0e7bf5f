"""The judgement over a token: shared secrets first, then the auth service."""

import hashlib
import hmac
from collections.abc import Callable

from sayna.auth.service import AuthRequest, AuthService, Post, unauthorized
from sayna.caller import Caller
from sayna.config import AuthConfig


class Authenticator:
    """Judges tokens; no verdict is remembered, and the private key is read once, here.

    Raises ConfigError when the private key cannot be used.
    """

    def __init__(self, config: AuthConfig, post: Post) -> None:
        self._secrets = tuple((_digest(each.secret.reveal()), each.id) for each in config.secrets)
        self._service: AuthService | None = None
        if config.service_url and config.signing_key_path:
            # Loaded only here: PyJWT and cryptography would cost every start 50 ms.
            from sayna.auth.signing import load_signing_key  # noqa: PLC0415

            key = load_signing_key(config.signing_key_path)
            self._service = AuthService(config.service_url, key, config.timeout_seconds, post)

    def authenticate(self, token: str, facts: Callable[[], AuthRequest]) -> Caller:
        """Return who holds a token; `facts` is called only when the service has to be asked.

        Raises NotAuthenticated, or AuthServiceFailed and its kinds when the service does not say.
        """
        # First, as the contract says: it costs microseconds, the service a round trip.
        tenant = self._tenant_of_secret(token)
        if tenant is not None:
            return Caller(tenant)
        if self._service is None:
            raise unauthorized()
        return Caller(self._service.tenant_of(token, facts()))

    def _tenant_of_secret(self, token: str) -> str | None:
        digest = _digest(token)
        found = None
        # Every entry is compared: leaving early would tell by the time taken which one matched.
        for known, tenant in self._secrets:
            # Digests, because compare_digest() fails on letters outside ASCII and tells
            # lengths apart at once.
            if hmac.compare_digest(known, digest):
                found = tenant
        return found


def _digest(token: str) -> bytes:
    # Digests have one length and any token has one, also a lone surrogate from a broken header.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
