"""The settings of authentication."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.config.fields import InvalidValue, require_both, setting
from sayna.config.secret import Secret
from sayna.config.types import boolean, integer, json_list, matching, number, path, token
from sayna.config.urls import service

# ASCII only: two tenants must not have names that look the same.
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
_tenant = matching(TENANT.pattern, "made of 1 to 128 letters, digits and . _ : @ -, a letter or digit first")


@dataclass(frozen=True, slots=True)
class ApiSecret:
    """A shared secret and its tenant."""

    id: str
    secret: Secret


def _api_secret(entry: dict[str, object]) -> ApiSecret:
    tenant, secret = entry.get("id"), entry.get("secret")
    if set(entry) != {"id", "secret"} or not isinstance(tenant, str) or not isinstance(secret, str):
        raise InvalidValue("is not just an id and a secret, both texts")
    if not TENANT.fullmatch(tenant):
        raise InvalidValue(f"has an id that is not {_tenant.wants}")
    return ApiSecret(tenant, token.parse(secret))


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Shared secrets, an auth service, or both; times in seconds."""

    required: bool = setting("AUTH_REQUIRED", boolean, False, "Authentication of clients, on or off.")
    api_secrets: tuple[ApiSecret, ...] = setting(
        "AUTH_API_SECRETS_JSON",
        json_list(_api_secret, 'a JSON array such as [{"id": "tenant-a", "secret": "..."}]'),
        (),
        "Secrets of the tenants, as JSON.",
    )
    api_secret: Secret | None = setting("AUTH_API_SECRET", token, None, "Secret of a single tenant.")
    api_secret_id: str = setting("AUTH_API_SECRET_ID", _tenant, "default", "Tenant of AUTH_API_SECRET.")
    service_url: str | None = setting("AUTH_SERVICE_URL", service, None, "URL of an auth service that checks tokens.")
    signing_key_path: Path | None = setting(
        "AUTH_SIGNING_KEY_PATH",
        path,
        None,
        "Private key that signs requests to the auth service (PEM; RSA from 2048 bits or EC P-256).",
    )
    timeout_seconds: float = setting(
        "AUTH_TIMEOUT_SECONDS", number(0.1, 60), 5.0, "Timeout of the auth service, in seconds."
    )
    allow_query_key: bool = setting("AUTH_ALLOW_QUERY_KEY", boolean, True, "Tokens in ?api_key=, allowed or not.")
    failures_per_minute: int = setting(
        "AUTH_FAILURES_PER_MINUTE", integer(0, 1000), 20, "Wrong tokens allowed per address and minute; 0 is no limit."
    )

    @property
    def secrets(self) -> tuple[ApiSecret, ...]:
        """Every shared secret, from both settings."""
        if self.api_secret is None:
            return self.api_secrets
        return (*self.api_secrets, ApiSecret(self.api_secret_id, self.api_secret))

    def knows(self, tenant: str | None) -> bool:
        """Return whether there may be such a tenant: it has a secret, or an auth service may name it."""
        return tenant is None or self.service_url is not None or any(each.id == tenant for each in self.secrets)

    @property
    def failures_limited(self) -> bool:
        """Whether wrong tokens are counted."""
        return self.required and self.failures_per_minute > 0

    @property
    def several_tenants(self) -> bool:
        """Whether there may be more than one tenant; an auth service may name any."""
        return self.required and (self.service_url is not None or len(self.secrets) > 1)

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
        where = "AUTH_API_SECRETS_JSON (with AUTH_API_SECRET)"
        for tenant, times in Counter(each.id for each in self.secrets).items():
            if times > 1:
                yield f"{where} gives {tenant} more than one secret; set each id once."
        # Otherwise it would be chance whose rooms such a token opens.
        if len({each.secret for each in self.secrets}) < len(self.secrets):
            yield f"{where} gives one secret to several tenants; set a different one for each."
