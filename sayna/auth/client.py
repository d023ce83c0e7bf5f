"""The address that a request comes from, as far as it can be believed."""

import functools
import ipaddress
import re
from collections.abc import Iterable

MAX_ADDRESS = 64
HTTP10 = "HTTP/1.0"

# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[(?P<six>[^]]+)\](:[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}")


class Proxies:
    """The proxies in front: what they say of a client is believed, what anybody else says is not."""

    def __init__(self, allowed: Iterable[str]) -> None:
        allowed = tuple(allowed)
        self._everybody = "*" in allowed
        self._networks = [ipaddress.ip_network(each, strict=False) for each in allowed if each != "*"]
        self._trusts = functools.lru_cache(1024)(self._trusted)

    def client(self, peer: str, forwarded_for: str) -> str | None:
        """Return who asks, as counts of addresses need it; None when a proxy does not tell.

        `peer` is the other end of the connection, empty for a unix socket; of X-Forwarded-For the last
        address counts, which the nearest proxy has written itself.
        """
        if not self._trusts(peer):
            return _counted(peer)
        return _counted(forwarded_for.rpartition(",")[2][-MAX_ADDRESS:].strip())

    def speaks_http10(self, peer: str, protocol: str, forwarded: str) -> bool:
        """Return whether the caller, or the proxy that asks for it, speaks HTTP/1.0.

        `protocol` is the connection's own, `forwarded` the X-Forwarded-Proto-Version of the nearest proxy.
        """
        return protocol == HTTP10 or (HTTP10 in forwarded and self._trusts(peer))

    def _trusted(self, peer: str) -> bool:
        # Who may open a unix socket is settled by the rights of its folder.
        if not peer or self._everybody:
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


@functools.lru_cache(4096)
def _counted(text: str) -> str | None:
    """Return an IPv4 address, or the /64 of an IPv6 one: that is what a single subscriber has."""
    found = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((found["six"] or found["four"]) if found else text)
    except ValueError:
        return None
    if address.version == 4:  # noqa: PLR2004
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else f"{int(address) >> 64:x}/64"
