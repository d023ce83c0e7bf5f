"""Telephone numbers of tenants: whose calls may come from which."""

import re
from dataclasses import dataclass

from sayna.config.api_secret import TENANT
from sayna.config.fields import InvalidValue

NUMBER = re.compile(r"\+?[0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class TenantNumbers:
    """The numbers that a tenant may call from."""

    auth_id: str
    numbers: frozenset[str]


def tenant_numbers(entry: dict[str, object]) -> TenantNumbers:
    """Return the numbers of one entry of SIP_FROM_NUMBERS_JSON; raises Wrong."""
    tenant, numbers = entry.get("auth_id"), entry.get("numbers")
    if entry.keys() != {"auth_id", "numbers"} or not isinstance(tenant, str) or not isinstance(numbers, list):
        raise InvalidValue("is not just an auth_id and a list of numbers")
    if not TENANT.fullmatch(tenant):
        raise InvalidValue("has an auth_id that is no tenant id")
    # As a request's own number is read: without blanks around it, and as text, for 07 is not 7.
    texts = [number.strip() if isinstance(number, str) else "" for number in numbers]
    if not all(map(NUMBER.fullmatch, texts)):
        raise InvalidValue("has a number that is not a text of an optional + and 1 to 32 digits")
    return TenantNumbers(tenant, frozenset(texts))
