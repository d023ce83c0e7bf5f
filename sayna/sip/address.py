"""Addresses of SIP servers for outbound calls, and the domains of inbound calls."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sayna.config import LiveKitConfig
from sayna.config.fields import InvalidValue
from sayna.config.sip import HOST
from sayna.config.sip_address import DEFAULT_PORTS, WANTS, SipAddress, SipPlace
from sayna.sip.errors import DestinationNotAllowed, InvalidSipAddress

# Possessive quantifiers (`*+`) and the optional end of a quotation: linear time on any text.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*+("?)', re.DOTALL)
_BRACKETED = re.compile(r"<([^<>]*)>")
# It must accept any text: `><` in a header crashed the Rust server.
_URI = re.compile(
    r"\s*+(?:sips?:)?(?:[^@]*+@)?(?P<host>[^\s;?:<>\"@,/]++)(?::[0-9]{1,5})?\s*+(?:[;?].*+)?",
    re.IGNORECASE | re.DOTALL,
)
# Some resolvers read 127.1, 2130706433 and 0x7f000001 as 127.0.0.1.
_NUMERIC = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")
_IPV4 = re.compile(r"([0-9]{1,3}\.){3}[0-9]{1,3}")


def sip_address(text: str, field: str) -> SipAddress:
    """Return the address of a request; raises InvalidSipAddress naming the field."""
    try:
        return SipAddress.parse(text)
    except InvalidValue as error:
        raise InvalidSipAddress(f"{field} {error}; send {WANTS}") from error


@dataclass(frozen=True, slots=True)
class Overrides:
    """The SIP servers that a request may name: host names, addresses and networks; any when empty.

    `own` are the addresses of LiveKit SIP: a call to them would be an inbound call to another tenant.
    """

    allowed: tuple[str, ...]
    own: tuple[SipPlace, ...] = ()

    def check(self, address: SipAddress) -> None:
        """Raise DestinationNotAllowed unless the address is allowed.

        Names are compared as text, not resolved: their owner could change the address a moment later.
        """
        if self.allowed and not any(SipPlace(entry).covers(address) for entry in self.allowed):
            raise DestinationNotAllowed("this server does not call through this SIP address")
        is_disguised = _NUMERIC.fullmatch(address.host) and not _IPV4.fullmatch(address.host)
        if is_disguised or any(place.covers(address) for place in self.own):
            raise DestinationNotAllowed("this server does not call its own SIP address")


def own_places(configured: Iterable[SipPlace], livekit: LiveKitConfig) -> tuple[SipPlace, ...]:
    """Return where LiveKit SIP listens: the places of the settings, and LiveKit's host at the usual ports of SIP."""
    hosts = {urlsplit(url).hostname or "" for url in (livekit.url, livekit.public_url)}
    ports = sorted(set(DEFAULT_PORTS.values()))
    return (*configured, *(SipPlace(host, port) for host in sorted(hosts) for port in ports))


def sip_domain(header: str) -> str | None:
    """Return the host in a To header, a SIP URI or a plain host, in lower case and without its port.

    Any text is accepted; None means that it names no host.
    """
    # The phone caller chooses the display name, which may hold a second address.
    text = _QUOTED.sub(lambda found: "" if found[1] else found[0], header)
    bracketed = _BRACKETED.search(text)
    found = _URI.fullmatch(bracketed[1] if bracketed else text)
    if found is None or text.lstrip(" \t<").lower().startswith("tel:"):
        return None
    host = found["host"].lower().rstrip(".")
    return host if HOST.fullmatch(host) else None
