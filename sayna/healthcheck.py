"""Health check: `python -m sayna.healthcheck` exits with 0 when the server at BIND responds, otherwise with 1."""

import http.client
import socket
import sys

from sayna.config import load_config

TIMEOUT = 2  # seconds


def is_healthy(bind: str) -> bool:
    """Return whether GET / returns 200 at a bind address: host:port or unix:/path."""
    connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT)
    try:
        _connect(connection, bind)
        connection.request("GET", "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connect(connection: http.client.HTTPConnection, bind: str) -> None:
    if bind.startswith("unix:"):
        # http.client cannot open a unix socket, but it accepts a connected one.
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(TIMEOUT)
        connection.sock.connect(bind.removeprefix("unix:"))
        return
    host, _, port = bind.rpartition(":")
    # A server that listens on all addresses also listens on loopback.
    name = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104
    connection.sock = socket.create_connection((name, int(port)), TIMEOUT)


if __name__ == "__main__":
    sys.exit(0 if is_healthy(load_config().server.bind) else 1)
