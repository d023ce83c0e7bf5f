"""`python -m sayna.healthcheck` ends with 0 when the server of these settings answers: for health checks."""

import http.client
import socket
import sys

from sayna.config import load_config

SECONDS = 2


def alive(bind: str) -> bool:
    """Return whether GET / is answered with 200 at a bind address: host:port or unix:/path."""
    connection = http.client.HTTPConnection("localhost", timeout=SECONDS)
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
        # http.client knows no unix sockets, but takes one that is connected already.
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(SECONDS)
        connection.sock.connect(bind.removeprefix("unix:"))
        return
    host, _, port = bind.rpartition(":")
    # A server that listens everywhere listens on loopback too.
    name = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104
    connection.sock = socket.create_connection((name, int(port)), SECONDS)


if __name__ == "__main__":
    sys.exit(0 if alive(load_config().server.bind) else 1)
