"""Check a token: shared secrets first, then the auth service."""

import datetime
import hashlib
import hmac
import logging
from collections.abc import Callable

from sayna.auth.auth_service import AuthRequest, AuthService, unauthorized
from sayna.caller import Caller
from sayna.config import ApiSecret, AuthConfig

logger = logging.getLogger("sayna.auth")


def utc_today() -> datetime.date:
    """Return the date in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


class Authenticator:
    """Checks tokens and keeps no result; reads the private key once, when it is created.

    Raises ConfigError when the private key cannot be used. `today` returns the date in UTC.
    """

    def __init__(self, config: AuthConfig, *, today: Callable[[], datetime.date] = utc_today) -> None:
        self._today = today
        self._cap_of = {each.id: config.cap_of(each.id) for each in config.secrets}.get
        self._secrets = tuple((_digest(each.secret.reveal()), each) for each in config.secrets)
        for warning in config.warnings(today()):
            logger.warning(warning)
        self._service: AuthService | None = None
        if config.service_url and config.signing_key_path:
            # Imported only here, because PyJWT and cryptography would add 50 ms to every start (measured).
            from sayna.auth.signing import load_signing_key  # noqa: PLC0415

            key = load_signing_key(config.signing_key_path)
            self._service = AuthService(config.service_url, key, config.timeout_seconds)

    def authenticate(self, token: str, auth_request: Callable[[], AuthRequest]) -> Caller:
        """Return the caller of a token; `auth_request` is called only when the auth service must decide.

        Raises NotAuthenticated for a wrong token, AuthServiceFailed when the service gives no usable response, and
        AuthServiceUnavailable when it cannot be reached.
        """
        # Secrets first (contract 2): they cost microseconds, the service a round trip.
        entry = self._entry_of_secret(token)
        if entry is not None:
            # An expired secret is refused here, because the auth service must not see it.
            if entry.is_expired(self._today()):
                raise unauthorized()
            return Caller(entry.id, providers=entry.providers, characters_per_month=self._cap_of(entry.id))
        if self._service is None:
            raise unauthorized()
        return self._service.caller_of(token, auth_request())

    def _entry_of_secret(self, token: str) -> ApiSecret | None:
        digest = _digest(token)
        found = None
        # Compare every entry, otherwise the time taken would show which one matched.
        for known, entry in self._secrets:
            # Compare digests: compare_digest() refuses letters outside ASCII, and its time shows a different length.
            if hmac.compare_digest(known, digest):
                found = entry
        return found


def _digest(token: str) -> bytes:
    # "surrogatepass", because a malformed header can contain a lone surrogate.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
