"""The proxy of OUTBOUND_PROXY: which hosts it is for, and a tunnel through it (CONNECT, RFC 9110, 9.3.6)."""

import ipaddress
import logging
import socket

from sayna.config import OutboundProxy
from sayna.http.deadline import Deadline
from sayna.http.way_out import way_out
from sayna.log import RateLimitedLogger

# This machine's own addresses; a proxy would reach itself by them.
LOOPBACK = ("localhost", "127.0.0.0/8", "::1")
# Bytes of the head of the response to CONNECT.
MAX_HEAD = 16_384

logger = RateLimitedLogger(logging.getLogger("sayna.upstream"))


def proxy_for(host: str) -> OutboundProxy | None:
    """Return the proxy by which a host is reached, or None; a name is compared as it is written, without DNS."""
    host, config = host.strip("[]").rstrip(".").lower(), way_out()
    if config.proxy is None or any(_covers(each, host) for each in (*LOOPBACK, *config.proxy_except)):
        return None
    return config.proxy


def _covers(exception: str, host: str) -> bool:
    """Return whether an exception, which is a network or a name, covers a host."""
    try:
        network = ipaddress.ip_network(exception, strict=False)
    except ValueError:
        return host == exception or host.endswith(f".{exception}")
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False


def open_tunnel(sock: socket.socket, proxy: OutboundProxy, host: str, port: int, deadline: Deadline) -> None:
    """Make the socket, which is connected to the proxy, a connection to the host; raises OSError when it refuses."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    sock.settimeout(deadline.left())
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    # Byte by byte, because what follows the head belongs to the TLS handshake.
    while not head.endswith(b"\r\n\r\n"):
        sock.settimeout(deadline.left())
        byte = sock.recv(1)
        head += byte
        if not byte or len(head) > MAX_HEAD:
            raise OSError("the proxy sent no response")
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest.startswith(b"2"):
        status = rest[:3].decode("ascii", "replace") if rest[:3].isdigit() else "no status"
        logger.warn("OUTBOUND_PROXY refuses %s with %s; allow it there, or correct the user and password", host, status)
        raise OSError(f"the proxy refuses with {status}")
