"""Connections whose every wait ends at the deadline, and which any thread can abort.

With a read timeout alone, a peer that sends one byte a second could hold a thread for ever. These sockets know their
deadline and shorten each wait to the time that is left.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from sayna.http.deadline import Deadline

# Returns whether an address may be connected.
AddressFilter = Callable[[str], bool]


class AddressRefused(OSError):
    """The address filter refused an address of the host, and nothing was connected."""


class ConnectionGuard:
    """The right of one exchange to abort its socket, from its request until its response has been read."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket: socket.socket | None = sock
        # Reentrant: while this thread holds the lock, the garbage collector may close a response, which aborts.
        self._lock = threading.RLock()

    def release(self) -> None:
        """Leave the socket to the next exchange; abort() does nothing from now on."""
        with self._lock:
            self._socket = None

    def abort(self) -> None:
        """Break the connection, from any thread, unless the exchange is already over."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                # Not SSLSocket.shutdown(), because it removes the TLS state while another thread may read.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _DeadlineReads:
    deadline: Deadline

    def recv_into(self, *args: object) -> int:
        self.settimeout(self.deadline.left())  # type: ignore[attr-defined]
        return super().recv_into(*args)  # type: ignore[misc, no-any-return]


class Socket(_DeadlineReads, socket.socket):
    """A TCP socket that reads until its deadline."""


class TLSSocket(_DeadlineReads, ssl.SSLSocket):
    """A TLS socket that reads until its deadline."""


def connect(
    host: str,
    port: int,
    deadline: Deadline,
    options: Iterable[Any],
    address_filter: AddressFilter | None = None,
) -> Socket:
    """Return a socket to the first address of the host that accepts; each gets a fair share of the time.

    Raises OSError when none accepts, TimeoutError at the deadline, and AddressRefused when `address_filter` refuses any
    address. Only addresses that `address_filter` has seen are connected.
    """
    problem = OSError("the name has no address")
    addresses = resolve(host, port, deadline, address_filter)
    for untried, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        sock = Socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(deadline.left() / untried)
            sock.connect(address)
            # The TLS handshake gets the rest of the time.
            sock.settimeout(deadline.left())
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem


def resolve(host: str, port: int, deadline: Deadline, address_filter: AddressFilter | None = None) -> list[Any]:
    """Return the addresses of a name, as getaddrinfo() does.

    Raises OSError, TimeoutError at the deadline, and AddressRefused when `address_filter` refuses any address.
    """
    # Check the deadline before starting the thread.
    seconds = deadline.left()
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(OSError(f"the name cannot be looked up: {error}"))

    # getaddrinfo() has no timeout, so a thread waits for it. Not a pool: slow names would fill it, and the process
    # would wait for its threads at exit.
    try:
        threading.Thread(target=look_up, name="resolver", daemon=True).start()
    except RuntimeError as error:
        raise OSError("the machine gives no thread to look the name up") from error
    addresses = found.result(seconds)
    # Check all: with one private address among public ones, a host could be reached by that one at the next attempt.
    if address_filter is not None and not all(address_filter(address[0]) for *_, address in addresses):
        raise AddressRefused("the name has an address that is not allowed")
    return addresses
