"""Which addresses are public, by our own list of denied networks.

`ipaddress` calls some addresses global that can lead into a private network: translations of IPv4 (NAT64, 6to4,
Teredo) and old site-local ones. Check the addresses that the resolver returns, never the host name: resolvers accept
spellings such as 0x7f.1.
"""

import ipaddress

# IPv4-compatible, NAT64 (RFC 6052 and 8215), Teredo, 6to4, site-local, and the relays of 6to4.
_NETWORKS = ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "192.88.99.0/24")
_DENIED = tuple(map(ipaddress.ip_network, _NETWORKS))


def is_public(address: str) -> bool:
    """Return whether an address, as the resolver writes it, is a single host on the internet."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(parsed, "ipv4_mapped", None) or parsed
    is_denied = any(inner in network for network in _DENIED)
    # `is_global` is also true for multicast addresses such as 224.0.0.1.
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or is_denied)
