"""Which addresses are out on the internet, by a deny set of our own.

`ipaddress` calls some addresses global that lead back inside: translations of IPv4 (NAT64, 6to4, Teredo) and
old site-local ones. What a name resolves to is judged, never how it is spelled: the resolver reads 0x7f.1.
"""

import ipaddress

# IPv4-compatible, NAT64 (RFC 6052 and 8215), Teredo, 6to4, site-local, and the relays of 6to4.
_DENIED = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "192.88.99.0/24"),
    )
)


def is_public(address: str) -> bool:
    """Return whether an address, as the resolver writes it, is one host out on the internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None) or found
    denied = any(inner.version == network.version and inner in network for network in _DENIED)
    # `is_global` is true of multicast, 224.0.0.1 too.
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or denied)
