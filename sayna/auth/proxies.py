"""Which address a request comes from, when proxies forward it."""

import functools
import ipaddress
import re
from collections.abc import Iterable

MAX_ADDRESS = 64
HTTP10 = "HTTP/1.0"

# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[(?P<six>[^]]+)\](:[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}")


class Proxies:
    """The trusted proxies: X-Forwarded-For counts only when one of them sent it.

    `is_trusted` takes the address of a connection, empty for a unix socket.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        allowed = tuple(allowed)
        self._trusts_all = "*" in allowed
        self._networks = [ipaddress.ip_network(each, strict=False) for each in allowed if each != "*"]
        self.is_trusted = functools.lru_cache(1024)(self._is_trusted_peer)

    def client_address(self, peer: str, forwarded_for: str) -> str | None:
        """Return the IPv4 address or the IPv6 /64 network of the client; None when a proxy does not send it.

        `peer` is the address of the connection, empty for a unix socket. The last address of X-Forwarded-For counts,
        because the nearest proxy wrote it.
        """
        if not self.is_trusted(peer):
            return _normalize(peer)
        return _normalize(forwarded_for.rpartition(",")[2][-MAX_ADDRESS:].strip())

    def speaks_http10(self, peer: str, protocol: str, forwarded: str) -> bool:
        """Return whether the caller, or the proxy that asks for it, speaks HTTP/1.0.

        `protocol` is the connection's own, `forwarded` the X-Forwarded-Proto-Version of the nearest proxy.
        """
        return protocol == HTTP10 or (HTTP10 in forwarded and self.is_trusted(peer))

    def _is_trusted_peer(self, peer: str) -> bool:
        # The permissions of the folder decide which programs may open the unix socket.
        if not peer or self._trusts_all:
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


@functools.lru_cache(4096)
def _normalize(text: str) -> str | None:
    """Return an IPv4 address, or the /64 network of an IPv6 one, because one subscriber has a whole /64."""
    found = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((found["six"] or found["four"]) if found else text)
    except ValueError:
        return None
    if address.version == 4:  # noqa: PLR2004
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else f"{int(address) >> 64:x}/64"
