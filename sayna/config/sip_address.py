"""Addresses of SIP servers for outbound calls: one form for settings, requests and the OpenAPI document."""

import ipaddress
import re
from dataclasses import dataclass

from sayna.config.fields import InvalidValue
from sayna.config.urls import PORT

# The ports that a SIP server has when its address names none.
DEFAULT_PORTS = {"auto": 5060, "udp": 5060, "tcp": 5060, "tls": 5061}
TRANSPORTS = ("auto", "udp", "tcp", "tls")
WANTS = "a host name or IPv4 address, as in pbx.example.com:5060, sips:pbx.example.com or pbx.example.com;transport=tcp"

_HOST = "[A-Za-z0-9][A-Za-z0-9._-]{0,252}"
# JSON Schema has no flag to ignore case.
PATTERN = rf"^\s*([Ss][Ii][Pp][Ss]?:)?{_HOST}(:({PORT}))?(;[A-Za-z]{{9}}=[A-Za-z]{{3}})?\s*$"
_ADDRESS = re.compile(
    rf"(?P<scheme>sips?:)?(?P<host>{_HOST})(:(?P<port>{PORT}))?(;transport=(?P<transport>udp|tcp|tls))?", re.IGNORECASE
)
_IPV6 = re.compile(r"(sips?:)?(\[[0-9A-Fa-f:.]*\]|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SipAddress:
    """A SIP server: `host` in lower case, `text` as LiveKit dials it, `port` or None, and one of TRANSPORTS."""

    host: str
    text: str
    port: int | None = None
    transport: str = "auto"

    @classmethod
    def parse(cls, text: str) -> "SipAddress":
        """Return the address of a text; raises InvalidValue, whose reason continues a sentence."""
        found = _ADDRESS.fullmatch(text.strip())
        if found is None:
            # LiveKit SIP 1.11.0 cannot dial an IPv6 literal.
            if _IPV6.match(text.strip()):
                raise InvalidValue("is an IPv6 address, which LiveKit SIP cannot dial; use a host name")
            raise InvalidValue("has the wrong form")
        transport = (found["transport"] or "auto").lower()
        if (found["scheme"] or "").lower() == "sips:":
            if transport not in ("auto", "tls"):
                raise InvalidValue("is of sips: and names another transport than tls")
            transport = "tls"
        port = found["port"]
        wire = found["host"] + (f":{port}" if port else "")
        return cls(found["host"].lower().rstrip("."), wire, int(port) if port else None, transport)


@dataclass(frozen=True, slots=True)
class SipPlace:
    """A host name, address or network of SIP servers, with a port or for all ports."""

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "SipPlace":
        """Return the place of a text: host, host:port, address, address:port or CIDR; raises InvalidValue."""
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            address = SipAddress.parse(text)
            return cls(address.host, address.port)
        return cls(text.lower())

    def covers(self, address: SipAddress) -> bool:
        """Return whether the address is here; names are compared as text, because their owner may change them."""
        if self.port not in (None, address.port or DEFAULT_PORTS[address.transport]):
            return False
        try:
            network = ipaddress.ip_network(_numeric(self.host), strict=False)
            return ipaddress.ip_address(_numeric(address.host)) in network
        except ValueError:
            return self.host.lower().rstrip(".") == address.host


def _numeric(host: str) -> str:
    return "127.0.0.1" if host in ("localhost", "localhost.localdomain") else host
