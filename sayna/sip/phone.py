"""Telephone numbers: what they look like, which of them may be called, and who may call from which."""

from collections.abc import Iterable
from dataclasses import dataclass

from sayna.config import TenantNumbers
from sayna.config.sip_hook import NUMBER
from sayna.sip.errors import DestinationNotAllowed, FromNumberNotAllowed, InvalidPhoneNumber

# How networks are told that what follows begins with a country: ITU E.123, and North America's own.
INTERNATIONAL = ("+", "00", "011")


def phone_number(text: str, name: str) -> str:
    """Return the number without blanks around it; raises InvalidPhoneNumber naming the field."""
    number = text.strip()
    if not NUMBER.fullmatch(number):
        raise InvalidPhoneNumber(f"{name} must be an optional + and 1 to 32 digits")
    return number


def masked(number: str) -> str:
    """Return a number as logs may hold it: its last two digits at most."""
    return f"***{number[-2:]}" if len(number) > 4 else "***"  # noqa: PLR2004 - of a short one nothing


@dataclass(frozen=True, slots=True)
class Destinations:
    """First digits of numbers that may be called (any when empty) and of those that may not.

    A number is allowed as it is dialled, and denied in every way to dial it: +1900 denies 1900, 001900 and
    0111900 too.
    """

    allowed: tuple[str, ...]
    denied: tuple[str, ...]

    def check(self, number: str) -> None:
        """Raise DestinationNotAllowed unless the number may be called."""
        readings = {number.removeprefix(prefix) for prefix in ("", *INTERNATIONAL)}
        denied = tuple(prefix.lstrip("+") for prefix in self.denied)
        if any(reading.lstrip("+").startswith(denied) for reading in readings):
            raise DestinationNotAllowed("this server does not call this number")
        if self.allowed and not number.startswith(self.allowed):
            raise DestinationNotAllowed("this server does not call this number")


@dataclass(frozen=True, slots=True)
class CallerNumbers:
    """The numbers that each tenant may call from: any when there are no entries, else only its own."""

    entries: Iterable[TenantNumbers]

    def check(self, tenant: str | None, number: str) -> None:
        """Raise FromNumberNotAllowed unless the tenant may call from the number, as it is written."""
        allowed = {each.auth_id: each.numbers for each in self.entries}
        if allowed and number not in allowed.get(tenant or "", frozenset()):
            raise FromNumberNotAllowed("from_phone_number is not one that you may call from")
