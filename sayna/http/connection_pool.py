"""The connections of this process, kept for reuse."""

import functools
import os
import socket
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from sayna.http.deadline import Deadline
from sayna.http.proxy import open_tunnel, proxy_for
from sayna.http.sockets import ConnectionGuard, TLSSocket, allowed_address, connect
from sayna.http.tls import add_ca_certificates, operator_certificates

# Beyond this number of hosts urllib3 closes the connections used longest ago; there are fewer vendors and stores.
HOSTS = 32
# One for each thread of a worker, because urllib3 closes all others at the end of each burst (measured).
CONNECTIONS_PER_HOST = 64


class _Exchange(threading.local):
    """The request that this thread sends now, as its connection sees it, and the guard of that connection."""

    deadline: Deadline
    connection_guard: ConnectionGuard
    address_filter: Callable[[str], bool] | None = None


exchange = _Exchange()


class _FinalResponse(HTTPResponse):
    """The response behind interim ones (RFC 9110, section 15.2); http.client itself skips only 100."""

    def begin(self) -> None:
        super().begin()
        while 101 < self.status < 200:  # noqa: PLR2004
            self.headers = None  # type: ignore[assignment] # otherwise begin() reads nothing
            super().begin()


class _GuardedConnection:
    response_class = _FinalResponse
    connection_guard: ConnectionGuard | None = None

    def _new_conn(self: Any) -> socket.socket:
        try:
            return _connected(self, Deadline.after(self.timeout))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "not connected in time") from error
        except OSError as error:
            raise NewConnectionError(self, "not connected") from error

    def send(self: Any, data: object) -> None:
        if self.sock is None:
            self.connect()
        # Otherwise a peer that reads nothing could hold a thread that sends a large body for ever.
        self.sock.settimeout(exchange.deadline.left())
        super().send(data)  # type: ignore[misc]

    def getresponse(self: Any) -> BaseHTTPResponse:
        self.sock.deadline = exchange.deadline
        self.connection_guard = exchange.connection_guard = ConnectionGuard(self.sock)
        exchange.deadline.when_cancelled(self.connection_guard.abort)
        return super().getresponse()  # type: ignore[misc, no-any-return]


class _Connection(_GuardedConnection, HTTPConnection):  # type: ignore[misc]
    pass


class _TLSConnection(_GuardedConnection, HTTPSConnection):  # type: ignore[misc]
    pass


class _ReleasingPool:
    def _put_conn(self, conn: _Connection | _TLSConnection | None) -> None:
        if conn is not None and conn.connection_guard is not None:
            # Another thread may use the socket from now on, so close() of the old response must not abort it.
            conn.connection_guard.release()
        super()._put_conn(conn)  # type: ignore[misc]


class _Pool(_ReleasingPool, HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _TLSPool(_ReleasingPool, HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _TLSConnection


def _connected(connection: Any, limit: Deadline) -> socket.socket:
    host, port, options = connection.host, connection.port, connection.socket_options or ()
    allowed = exchange.address_filter
    if (proxy := proxy_for(host)) is None:
        return connect(host, port, limit, options, allowed)
    # Only the address that the filter saw: the proxy could find another one for the name.
    target = allowed_address(host, port, limit, allowed) if allowed else host
    sock = connect(proxy.host, proxy.port, limit, options)
    try:
        open_tunnel(sock, proxy, target, port, limit)
    except BaseException:
        sock.close()
        raise
    return sock


@functools.cache
def tls_context(certificates: str) -> ssl.SSLContext:
    """Return the context that trusts the public authorities and the operator's (PEM); forked processes share it.

    To read the authorities takes 30 ms of CPU; beside 50 other requests the first call of a worker began 150 ms later
    (measured).
    """
    context = urllib3.util.create_urllib3_context()
    context.load_verify_locations(certifi.where())
    add_ca_certificates(context, certificates)
    context.sslsocket_class = TLSSocket
    return context


@functools.cache
def pool(*, filtered: bool = False) -> urllib3.PoolManager:
    """Return the connections of this process; `filtered` ones were opened through an address filter."""
    # Separate pools: a request with an address filter must never reuse a connection opened without it.
    context = tls_context(operator_certificates())
    manager = urllib3.PoolManager(num_pools=HOSTS, maxsize=CONNECTIONS_PER_HOST, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager


_making = threading.Lock()


def shared_pool(*, filtered: bool) -> urllib3.PoolManager:
    """Return pool(), made by one thread while the others wait."""
    with _making:
        return pool(filtered=True) if filtered else pool()


# Two processes on one connection would read each other's responses.
os.register_at_fork(after_in_child=pool.cache_clear)
