"""Check a token: shared secrets first, then the auth service."""

import hashlib
import hmac
from collections.abc import Callable

from sayna.auth.service import AuthRequest, AuthService, Post, unauthorized
from sayna.caller import Caller
from sayna.config import AuthConfig


class Authenticator:
    """Checks tokens and keeps no result; reads the private key once, when it is created.

    Raises ConfigError when the private key cannot be used.
    """

    def __init__(self, config: AuthConfig, post: Post) -> None:
        self._secrets = tuple((_digest(each.secret.reveal()), each.id) for each in config.secrets)
        self._service: AuthService | None = None
        if config.service_url and config.signing_key_path:
            # Imported only here, because PyJWT and cryptography would add 50 ms to every start (measured).
            from sayna.auth.signing import load_signing_key  # noqa: PLC0415

            key = load_signing_key(config.signing_key_path)
            self._service = AuthService(config.service_url, key, config.timeout_seconds, post)

    def authenticate(self, token: str, auth_request: Callable[[], AuthRequest]) -> Caller:
        """Return the caller of a token; `auth_request` is called only when the auth service must decide.

        Raises NotAuthenticated for a wrong token, AuthServiceFailed when the service gives no usable response, and
        AuthServiceUnavailable when it cannot be reached.
        """
        # Secrets first (contract 2): they cost microseconds, the service a round trip.
        tenant = self._tenant_of_secret(token)
        if tenant is not None:
            return Caller(tenant)
        if self._service is None:
            raise unauthorized()
        return Caller(self._service.tenant_of(token, auth_request()))

    def _tenant_of_secret(self, token: str) -> str | None:
        digest = _digest(token)
        found = None
        # Compare every entry, otherwise the time taken would show which one matched.
        for known, tenant in self._secrets:
            # Compare digests: compare_digest() refuses letters outside ASCII, and its time shows a different length.
            if hmac.compare_digest(known, digest):
                found = tenant
        return found


def _digest(token: str) -> bytes:
    # "surrogatepass", because a malformed header can contain a lone surrogate.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
