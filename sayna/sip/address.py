"""Addresses of SIP servers for outbound calls, and the domains of inbound calls."""

import ipaddress
import re
from dataclasses import dataclass

from sayna.config.fields import InvalidValue
from sayna.config.sip_address import WANTS, split_address
from sayna.config.sip_hook import HOST
from sayna.sip.errors import DestinationNotAllowed, InvalidSipAddress

MAX_HEADER = 4096

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_BRACKETED = re.compile(r"<([^<>]*)>")
# It must accept any text: `><` in a header crashed the Rust server.
_URI = re.compile(
    r"\s*(?:sips?:)?(?:[^@]*@)?(?P<host>[^\s;?:<>\"@,/]+)(?::[0-9]{1,5})?\s*(?:[;?].*)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SipAddress:
    """A SIP server: `host` in lower case without brackets, and `text` as the client wrote it."""

    host: str
    text: str

    @classmethod
    def parse(cls, text: str) -> "SipAddress":
        """Return the address in `host` or `host:port`; raises InvalidSipAddress."""
        try:
            host, address = split_address(text)
        except InvalidValue as error:
            raise InvalidSipAddress(f"sip.outbound_address {error.reasons[0]}; send {WANTS}") from error
        return cls(host.lower().rstrip("."), address)


@dataclass(frozen=True, slots=True)
class Overrides:
    """The SIP servers that a request may name: host names, addresses and networks; any when empty."""

    allowed: tuple[str, ...]

    def check(self, address: SipAddress) -> None:
        """Raise DestinationNotAllowed unless the address is allowed.

        Names are compared as text, not resolved: their owner could change the address a moment later.
        """
        if self.allowed and not any(_covers(entry, address.host) for entry in self.allowed):
            raise DestinationNotAllowed("this server does not call through this SIP address")


def sip_domain(header: str) -> str | None:
    """Return the host in a To header, a SIP URI or a plain host, in lower case and without its port.

    Any text is accepted; None means that it names no host.
    """
    # The phone caller chooses the display name, which may hold a second address.
    text = _QUOTED.sub("", header[:MAX_HEADER])
    bracketed = _BRACKETED.search(text)
    found = _URI.fullmatch(bracketed[1] if bracketed else text)
    if found is None or text.lstrip(" \t<").lower().startswith("tel:"):
        return None
    host = found["host"].lower().rstrip(".")
    return host if HOST.fullmatch(host) else None


def _covers(entry: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return entry.lower().rstrip(".") == host
