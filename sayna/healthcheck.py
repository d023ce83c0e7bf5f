"""Health check: `python -m sayna.healthcheck` exits with 0 when the server at BIND responds, otherwise with 1."""

import socket
import sys

from sayna.config import load_config

TIMEOUT = 2  # seconds


def is_healthy(bind: str) -> bool:
    """Return whether GET / returns 200 at a bind address: host:port or unix:/path."""
    path = bind.removeprefix("unix:")
    try:
        with _tcp(bind) if path == bind else socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(TIMEOUT)
            if path != bind:
                sock.connect(path)
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return sock.makefile("rb").readline(64).split()[1:2] == [b"200"]
    except OSError:
        return False


def _tcp(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    # A server that listens on all addresses also listens on loopback.
    name = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104
    return socket.create_connection((name, int(port)), TIMEOUT)


if __name__ == "__main__":
    sys.exit(0 if is_healthy(load_config().server.bind) else 1)
