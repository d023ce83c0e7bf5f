"""The settings of authentication, and the shared secrets of AUTH_API_SECRETS_JSON."""

import contextlib
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.caller import Caller
from sayna.config.fields import InvalidValue, require_both, setting
from sayna.config.types import Secret, boolean, integer, json_list, matching, number, path, token
from sayna.config.urls import service
from sayna.config.vendors import provider_slug

# A closed alphabet: look-alike letters cannot make two tenants that people take for one.
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
tenant_id = matching(TENANT.pattern, "made of 1 to 128 letters, digits and . _ : @ -, a letter or digit first")
# A shorter secret can be guessed. From 0.4 on it is an error.
MIN_SECRET = 16
OPTIONAL = {"note", "expires", "providers", "characters_per_month"}
MAX_CHARACTERS = 10**12


@dataclass(frozen=True, slots=True)
class ApiSecret:
    """A shared secret and the tenant that it stands for.

    `expires` is the last day, in UTC, on which it is valid. `providers` are the slugs that the tenant may use with
    it, None for all. `characters_per_month` is the cap of the tenant (contract 15), None where the entry has none, and
    `note` is a text of the operator.
    """

    id: str
    secret: Secret
    expires: datetime.date | None = None
    providers: frozenset[str] | None = None
    characters_per_month: int | None = None
    note: str = ""

    def is_expired(self, today: datetime.date) -> bool:
        """Return whether its last day is over."""
        return self.expires is not None and self.expires < today


def api_secret(entry: dict[str, object]) -> ApiSecret:
    """Return one entry of AUTH_API_SECRETS_JSON; raises InvalidValue."""
    tenant, secret = entry.get("id"), entry.get("secret")
    if not {"id", "secret"} <= set(entry) <= {"id", "secret", *OPTIONAL}:
        raise InvalidValue(
            "needs id and secret, and may have note, expires, providers and characters_per_month, nothing else"
        )
    if not all(isinstance(entry.get(name, ""), str) for name in ("id", "secret", "note")):
        raise InvalidValue("has an id, a secret or a note that is not text")
    if not TENANT.fullmatch(str(tenant)):
        raise InvalidValue(f"has an id that is not {tenant_id.wants}")
    return ApiSecret(
        str(tenant),
        token.parse(str(secret)),
        expires=_expires(entry.get("expires")),
        providers=_providers(entry.get("providers")),
        characters_per_month=characters(entry.get("characters_per_month")),
        note=str(entry.get("note", "")),
    )


def characters(value: object) -> int | None:
    """Return a number of characters a month, None for none; raises InvalidValue."""
    # type() and not isinstance(): to Python, true is an integer.
    if value is None or (type(value) is int and 0 <= value <= MAX_CHARACTERS):
        return value
    raise InvalidValue("has a characters_per_month that is not a whole number from 0")


def _expires(value: object) -> datetime.date | None:
    if value is None:
        return None
    # fromisoformat() would also take 20261231 and 2026-W53-4.
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        with contextlib.suppress(ValueError):
            return datetime.date.fromisoformat(value)
    raise InvalidValue("has an expires that is not a date such as 2027-12-31")


def _providers(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    with contextlib.suppress(InvalidValue):
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            return frozenset(map(provider_slug.parse, value))
    raise InvalidValue("has providers that are not a list of names such as azure and elevenlabs")


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
