"""Phone numbers: their form, the numbers that may be called, and the numbers that a tenant may call from."""

import re
import unicodedata
from dataclasses import dataclass

from sayna.config import SipConfig
from sayna.config.sip import NUMBER
from sayna.config.sip_address import SipAddress
from sayna.sip.address import sip_address
from sayna.sip.errors import DestinationNotAllowed, FromNumberNotAllowed, InvalidPhoneNumber, InvalidSipAddress

USER = re.compile(r"[A-Za-z0-9+._-]{1,64}")
# Prefixes before a country code: ITU E.123, and North America's 011.
INTERNATIONAL = ("", "00", "011")
# A SIP server may ignore them in the user of a sip: URI (RFC 3966, section 5.1.1).
SEPARATORS = re.compile("[.-]")
# Such as the direction marks that a copied number may have; a person cannot find them by reading.
UNSEEN = re.compile(r"[^ -~]")


def phone_number(text: str, name: str) -> str:
    """Return the number without blanks around it; raises InvalidPhoneNumber naming the field."""
    number = text.strip()
    if not NUMBER.fullmatch(number):
        unseen = UNSEEN.search(number)
        holds = f", and holds U+{ord(unseen[0]):04X} {unicodedata.name(unseen[0], '')}".rstrip() if unseen else ""
        raise InvalidPhoneNumber(f"{name} must be an optional + and 1 to 32 digits{holds}")
    return number


@dataclass(frozen=True, slots=True)
class TransferTarget:
    """Where a call is transferred to: `uri` for LiveKit, the number or user that limits judge, and its SIP server."""

    uri: str
    number: str
    address: SipAddress | None = None

    @classmethod
    def parse(cls, text: str, name: str) -> "TransferTarget":
        """Return the target in a number, a tel: or a sip: URI; raises InvalidPhoneNumber, InvalidSipAddress."""
        wanted = text.strip()
        if wanted[:4].lower() == "sip:":
            user, at, server = wanted[4:].partition("@")
            if not at or not USER.fullmatch(user):
                raise InvalidSipAddress(
                    f"{name} must be of the form sip:user@host, with letters, digits and +._- as user"
                )
            address = sip_address(server, name)
            transport = "" if address.transport == "auto" else f";transport={address.transport}"
            return cls(f"sip:{user}@{address.text}{transport}", user, address)
        number = phone_number(wanted[4:] if wanted[:4].lower() == "tel:" else wanted, name)
        return cls(f"tel:{number}", number)


def masked(number: str) -> str:
    """Return a number as logs may hold it: its last two digits at most."""
    return f"***{number[-2:]}" if len(number) > 4 else "***"  # noqa: PLR2004 - a short number is masked whole


def check_destination(config: SipConfig, number: str) -> None:
    """Raise DestinationNotAllowed unless the number may be called.

    A number is allowed as the client wrote it, and denied in every spelling: +1900 also denies 1900, 001900
    and 0111900.
    """
    digits = SEPARATORS.sub("", number).lstrip("+")
    denied = tuple(prefix.lstrip("+") for prefix in config.denied_destinations)
    is_denied = any(digits.removeprefix(prefix).startswith(denied) for prefix in INTERNATIONAL)
    allowed = config.allowed_destinations
    if is_denied or (allowed and not number.startswith(allowed)):
        raise DestinationNotAllowed("this server does not call this number")


def check_from_number(config: SipConfig, tenant: str | None, number: str) -> None:
    """Raise FromNumberNotAllowed unless the tenant may call from the number, in this spelling.

    Any tenant may call from any number without SIP_FROM_NUMBERS_JSON.
    """
    allowed = {each.auth_id: each.numbers for each in config.from_numbers}
    if allowed and number not in allowed.get(tenant or "", frozenset()):
        raise FromNumberNotAllowed("you may not call from this from_phone_number; send one of your own numbers")
