"""The settings of authentication."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.caller import Caller
from sayna.config.api_secret import MIN_SECRET, ApiSecret, api_secret, tenant_id
from sayna.config.fields import require_both, setting
from sayna.config.secret import Secret
from sayna.config.types import boolean, integer, json_list, number, path, token
from sayna.config.urls import service


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Shared secrets, an auth service, or both; times in seconds."""

    required: bool = setting("AUTH_REQUIRED", boolean, False)
    api_secrets: tuple[ApiSecret, ...] = setting(
        "AUTH_API_SECRETS_JSON", json_list(api_secret, 'a JSON array such as [{"id": "tenant-a", "secret": "..."}]'), ()
    )
    api_secret: Secret | None = setting("AUTH_API_SECRET", token, None)
    api_secret_id: str = setting("AUTH_API_SECRET_ID", tenant_id, "default")
    service_url: str | None = setting("AUTH_SERVICE_URL", service, None)
    signing_key_path: Path | None = setting("AUTH_SIGNING_KEY_PATH", path, None)
    timeout_seconds: float = setting("AUTH_TIMEOUT_SECONDS", number(0.1, 60), 5.0)
    allow_query_key: bool = setting("AUTH_ALLOW_QUERY_KEY", boolean, True)
    failures_per_minute: int = setting("AUTH_FAILURES_PER_MINUTE", integer(0, 1000), 20)

    @property
    def secrets(self) -> tuple[ApiSecret, ...]:
        """Every shared secret, from both settings."""
        if self.api_secret is None:
            return self.api_secrets
        return (*self.api_secrets, ApiSecret(self.api_secret_id, self.api_secret))

    def caller_of(self, tenant: str | None, today: datetime.date) -> Caller | None:
        """Return the caller for whom a tenant's signature speaks; None where the tenant cannot exist.

        A tenant exists while one of its secrets is valid, or because an auth service may name it.
        """
        valid = [each for each in self.secrets if each.id == tenant and not each.is_expired(today)]
        if tenant is None or not valid:
            return Caller(tenant) if tenant is None or self.service_url is not None else None
        limits = [each.providers for each in valid]
        providers = None if None in limits else frozenset().union(*filter(None, limits))
        return Caller(tenant, providers=providers, characters_per_month=self.cap_of(tenant))

    def cap_of(self, tenant: str) -> int | None:
        """Return the characters a month that the entries of a tenant state, None where none does."""
        return next(iter(self._caps(tenant)), None)

    def _caps(self, tenant: str) -> set[int]:
        return {
            each.characters_per_month
            for each in self.secrets
            if each.id == tenant and each.characters_per_month is not None
        }

    @property
    def failures_limited(self) -> bool:
        """Whether wrong tokens are counted."""
        return self.required and self.failures_per_minute > 0

    @property
    def several_tenants(self) -> bool:
        """Whether there may be more than one tenant; an auth service may name any."""
        return self.required and (self.service_url is not None or len({each.id for each in self.secrets}) > 1)

    def warnings(self, today: datetime.date) -> Iterator[str]:
        """Yield a sentence for each shared secret that is too short or has expired."""
        for each in self.secrets if self.required else ():
            if len(each.secret.reveal()) < MIN_SECRET:
                yield (
                    f"A secret of the tenant {each.id} has fewer than {MIN_SECRET} characters and can be guessed; "
                    "set one from `openssl rand -hex 32`. Version 0.4 will not start with it."
                )
            if each.is_expired(today):
                yield f"A secret of the tenant {each.id} expired on {each.expires}; remove it or set another."

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for settings that would let every client in, or no client, by accident."""
        ways = given & {"AUTH_API_SECRETS_JSON", "AUTH_API_SECRET", "AUTH_SERVICE_URL"}
        # A server that refuses every client must not start.
        if self.required and not ways:
            yield (
                "AUTH_REQUIRED is true but no client could authenticate; set AUTH_API_SECRETS_JSON, "
                "or AUTH_API_SECRET, or AUTH_SERVICE_URL with AUTH_SIGNING_KEY_PATH."
            )
        # A secret without AUTH_REQUIRED is a mistake: the operator thinks that authentication is on.
        if ways and "AUTH_REQUIRED" not in given:
            yield (
                f"AUTH_REQUIRED is not set although {min(ways)} is; "
                "set it to true, or to false to leave every endpoint open."
            )
        yield from require_both(given, "AUTH_SERVICE_URL", "AUTH_SIGNING_KEY_PATH")
        if "AUTH_API_SECRET_ID" in given and "AUTH_API_SECRET" not in given:
            yield "AUTH_API_SECRET_ID is set but AUTH_API_SECRET is not; set both or neither."
        yield from self._doubles()

    def _doubles(self) -> Iterator[str]:
        # A tenant may have several secrets, so that one can be rotated. A secret with two entries is a mistake.
        if len({each.secret for each in self.secrets}) < len(self.secrets):
            yield "AUTH_API_SECRETS_JSON (with AUTH_API_SECRET) gives one secret twice; set different ones."
        for tenant in sorted({each.id for each in self.secrets}):
            if len(self._caps(tenant)) > 1:
                yield (
                    f"AUTH_API_SECRETS_JSON gives the tenant {tenant} different values of characters_per_month; "
                    "set the same one in all of its entries."
                )
