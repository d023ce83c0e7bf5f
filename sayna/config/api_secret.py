"""A shared secret of AUTH_API_SECRETS_JSON: its tenant, when it ends, what the tenant may use."""

import contextlib
import datetime
import re
from dataclasses import dataclass

from sayna.config.fields import InvalidValue
from sayna.config.secret import Secret
from sayna.config.types import matching, token
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
