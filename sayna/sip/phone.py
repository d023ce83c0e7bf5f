"""Telephone numbers: what they look like, and which of them may be called."""

import re
from dataclasses import dataclass

from .errors import DestinationNotAllowed, InvalidPhoneNumber

NUMBER = re.compile(r"\+?[0-9]{1,32}")
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
