"""Which address counts as the client: the one that a trusted proxy sends, or that of the connection."""

import pytest

from sayna.auth import Proxies

LOCAL = ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("allowed", "peer", "forwarded_for", "client"),
    [
        (LOCAL, "203.0.113.9", "", "203.0.113.9"),
        (LOCAL, "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (LOCAL, "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        (LOCAL, "127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (LOCAL, "127.0.0.1", "6.6.6.6,198.51.100.1:4711", "198.51.100.1"),
        (LOCAL, "", "198.51.100.1", "198.51.100.1"),
        (LOCAL, "::1", "2001:db8:1:2:3:4:5:6", "20010db800010002/64"),
        (LOCAL, "::1", "[2001:db8:1:2::9]:4711", "20010db800010002/64"),
        (LOCAL, "::ffff:127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        (LOCAL, "2001:db8:1:2::1", "", "20010db800010002/64"),
        (("10.0.0.0/8",), "10.1.2.3", "198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "127.0.0.1", "198.51.100.1", "127.0.0.1"),
        (("*",), "203.0.113.9", "198.51.100.1", "198.51.100.1"),
        (LOCAL, "127.0.0.1", "", None),
        (LOCAL, "", "", None),
        (LOCAL, "127.0.0.1", "unknown", None),
        (LOCAL, "127.0.0.1", "198.51.100.1,", None),
        (LOCAL, "127.0.0.1", "9" * 100_000, None),
        (LOCAL, "127.0.0.1", "\udcff\x00", None),
        (LOCAL, "no address", "198.51.100.1", None),
    ],
)
def test_client_address_comes_from_the_nearest_proxy(
    allowed: tuple[str, ...], peer: str, forwarded_for: str, client: str | None
) -> None:
    assert Proxies(allowed).client_address(peer, forwarded_for) == client
