"""The connections of this process, kept for reuse."""

import functools
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from sayna.http.deadline import Deadline
from sayna.http.sockets import ConnectionGuard, TLSSocket, connected
from sayna.http.tls import add_ca_certificates

# For one host more urllib3 closes what was used longest ago; vendors and stores are fewer than this.
HOSTS = 32
# As many as a worker has threads: the others would be closed at the end of each burst (measured).
CONNECTIONS_PER_HOST = 64


class _Exchange(threading.local):
    """What a connection must know of the request that this thread sends, and what it tells in return."""

    deadline: Deadline
    lease: ConnectionGuard
    address_filter: Callable[[str], bool] | None = None


exchange = _Exchange()


class _Leased:
    lease: ConnectionGuard | None = None

    def _new_conn(self: Any) -> socket.socket:
        try:
            limit = Deadline.after(self.timeout)
            return connected(self.host, self.port, limit, self.socket_options or (), exchange.address_filter)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "not connected in time") from error
        except OSError as error:
            raise NewConnectionError(self, "not connected") from error

    def send(self: Any, data: object) -> None:
        if self.sock is None:
            self.connect()
        # A peer that reads nothing fills the socket, and would hold a large body for ever.
        self.sock.settimeout(exchange.deadline.left())
        super().send(data)  # type: ignore[misc]

    def getresponse(self: Any) -> BaseHTTPResponse:
        self.sock.deadline = exchange.deadline
        self.lease = exchange.lease = ConnectionGuard(self.sock)
        exchange.deadline.when_cancelled(self.lease.abort)
        return super().getresponse()  # type: ignore[misc, no-any-return]


class _Connection(_Leased, HTTPConnection):  # type: ignore[misc]
    pass


class _TLSConnection(_Leased, HTTPSConnection):  # type: ignore[misc]
    pass


class _Leasing:
    def _put_conn(self, conn: _Connection | _TLSConnection | None) -> None:
        if conn is not None and conn.lease is not None:
            # From here another thread may have the socket: the old reply's close() must not cut it.
            conn.lease.end()
        super()._put_conn(conn)  # type: ignore[misc]


class _Pool(_Leasing, HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _TLSPool(_Leasing, HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _TLSConnection


@functools.cache
def pool(*, vetted: bool = False) -> urllib3.PoolManager:
    """Return this process's connections, or those whose addresses were vetted; not shared over a fork."""
    context = urllib3.util.create_urllib3_context()
    context.load_verify_locations(certifi.where())
    add_ca_certificates(context)
    context.sslsocket_class = TLSSocket
    # Two pools: a connection that nobody vetted must not serve where addresses are vetted.
    manager = urllib3.PoolManager(num_pools=HOSTS, maxsize=CONNECTIONS_PER_HOST, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager


# Two processes on one connection would read each other's answers.
os.register_at_fork(after_in_child=pool.cache_clear)
