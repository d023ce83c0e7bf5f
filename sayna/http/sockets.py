"""Connections whose every wait ends at the deadline, and which another thread can cut.

A read time-out alone lets a peer that drips one byte a second hold a thread for ever, so these sockets
know the moment by which everything must be over and shorten each wait to what is left of it.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from sayna.http.deadline import Deadline


class Forbidden(OSError):
    """The name leads to an address that the caller does not want to be led to; nothing was connected."""


class ConnectionGuard:
    """The hold of one exchange on a socket, from its request until its answer has been read."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket: socket.socket | None = sock
        # Taken again where the collector, at work while this thread holds it, drops who listened.
        self._lock = threading.RLock()

    def end(self) -> None:
        """Let the socket go to the next exchange."""
        with self._lock:
            self._socket = None

    def abort(self) -> None:
        """Break the connection, from any thread, unless the exchange is over already."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                # SSLSocket's own shutdown() would pull the TLS state from under a thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Bounded:
    deadline: Deadline

    def recv_into(self, *args: object) -> int:
        self.settimeout(self.deadline.left())  # type: ignore[attr-defined]
        return super().recv_into(*args)  # type: ignore[misc, no-any-return]


class Socket(_Bounded, socket.socket):
    """A TCP socket that reads until its deadline."""


class TLSSocket(_Bounded, ssl.SSLSocket):
    """The same below TLS."""


def connected(
    host: str,
    port: int,
    deadline: Deadline,
    options: Iterable[Any],
    address_filter: Callable[[str], bool] | None = None,
) -> Socket:
    """Return a socket to the first address that answers; each gets a fair share of the time.

    Raises Forbidden when `address_filter` refuses any of the addresses; those that it saw are those that are connected.
    """
    problem = OSError("the name has no address")
    addresses = resolved(host, port, deadline)
    # All of them: a name with one address inside would get there by the next try.
    if address_filter is not None and not all(address_filter(address[0]) for *_, address in addresses):
        raise Forbidden("the name leads to an address that is not allowed")
    for untried, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        sock = Socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(deadline.left() / untried)
            sock.connect(address)
            # What is left is for the TLS handshake.
            sock.settimeout(deadline.left())
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem


def resolved(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Look a name up; the system's resolver knows no time-out, so a slow one is left behind."""
    # First: a thread must not begin what nobody can wait for.
    seconds = deadline.left()
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(OSError(f"the name cannot be looked up: {error}"))

    # No pool: names that hang would fill it, and at exit its threads are waited for.
    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    return found.result(seconds)
