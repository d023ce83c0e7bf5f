"""The connections of this process, kept for reuse."""

import contextlib
import functools
import os
import socket
import ssl
from http.client import CONTINUE, NO_CONTENT, NOT_MODIFIED, HTTPException, HTTPResponse, UnknownProtocol
from typing import Any, NamedTuple

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sayna.http.deadline import Deadline
from sayna.http.proxy import open_tunnel, proxy_for
from sayna.http.sockets import AddressFilter, ConnectionGuard, TLSSocket, connect, resolve
from sayna.http.way_out import operator_certificates

# Beyond this number of hosts urllib3 closes the connections used longest ago; there are fewer vendors and stores.
HOSTS = 32
# One for each thread of a worker, because urllib3 closes all others at the end of each burst (measured).
CONNECTIONS_PER_HOST = 64
# Bytes of a line, and lines, as in http.client; digits of a length.
MAX_LINE, MAX_HEADERS, MAX_DIGITS = 65536, 100, 18
# Versions of HTTP in which a connection ends with its response.
OLD = ("HTTP/1.0", "HTTP/0.9")


class FinalResponse(HTTPResponse):
    """The response behind interim ones (RFC 9110, section 15.2); its headers have their names in lower case.

    http.client parses headers as those of an e-mail, and urllib3 copies them: a tenth of a short miss (measured).
    """

    pool: Any = None
    connection: "_Connection | _TLSConnection | None" = None
    connection_guard: ConnectionGuard

    def begin(self) -> None:
        """Read the head; raises HTTPException and OSError."""
        self.status = CONTINUE
        while self.status == CONTINUE or 101 < self.status < 200:  # noqa: PLR2004
            version, self.status, _ = self._read_status()  # type: ignore[attr-defined]
            headers = _read_headers(self.fp)
        if version not in OLD and not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.headers = headers  # type: ignore[assignment]
        has_body = self.status not in (NO_CONTENT, NOT_MODIFIED) and self._method != "HEAD"  # type: ignore[attr-defined]
        self.chunked = has_body and headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if has_body else 0
        if has_body and not self.chunked:
            length, *others = {each.strip() for each in headers.get("content-length", "").split(",")}
            if others:
                raise HTTPException("the response has two lengths")
            self.length = int(length) if length.isdecimal() and len(length) <= MAX_DIGITS else None
        kept = headers.get("connection", "").lower()
        is_last = "close" in kept or (version in OLD and "keep-alive" not in kept)
        self.will_close = is_last or not (self.chunked or self.length is not None)

    def free(self, *, is_whole: bool) -> None:
        """Close it, and leave its connection to the next exchange; may be called again."""
        self.close()
        connection, self.connection = self.connection, None
        if connection is not None:
            # Another thread may use the socket from now on, so it must not be aborted for this response.
            self.connection_guard.release()
            if self.will_close or not is_whole:
                connection.close()
            self.pool._put_conn(connection)


def _read_headers(lines: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for _ in range(MAX_HEADERS):
        line = lines.readline(MAX_LINE + 1)
        # Some servers close the connection instead of an empty line, and http.client allows that too.
        if line in (b"\r\n", b"\n", b""):
            return headers
        if len(line) > MAX_LINE:
            break
        field, colon, value = line.decode("latin-1").partition(":")
        if name and field[:1] in (" ", "\t"):
            headers[name] += f" {(field + colon + value).strip()}"
        elif colon:
            name = field.strip().lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    raise HTTPException("the head of the response is too large")


class _GuardedConnection:
    deadline: Deadline
    address_filter: AddressFilter | None

    def _new_conn(self: Any) -> socket.socket:
        host, port, options = self.host, self.port, self.socket_options or ()
        limit, allowed = Deadline.after(self.timeout), self.address_filter
        if (proxy := proxy_for(host)) is None:
            return connect(host, port, limit, options, allowed)
        # Only the address that the filter saw: the proxy could find another one for the name.
        target = resolve(host, port, limit, allowed)[0][-1][0] if allowed else host
        sock = connect(proxy.host, proxy.port, limit, options)
        try:
            open_tunnel(sock, proxy, target, port, limit)
        except BaseException:
            sock.close()
            raise
        return sock

    def ask(self: Any, method: str, request: bytes) -> FinalResponse:
        """Send a request and return the response once its head is there; raises OSError and HTTPException."""
        if self.sock is None:
            self.connect()
        # Otherwise a peer that reads nothing could hold a thread that sends a large body for ever.
        self.sock.settimeout(self.deadline.left())
        # A peer that has answered before the end of the request may have closed the connection.
        with contextlib.suppress(BrokenPipeError):
            self.sock.sendall(request)
        self.sock.deadline = self.deadline
        response = FinalResponse(self.sock, method=method)
        response.connection_guard = ConnectionGuard(self.sock)
        self.deadline.when_cancelled(response.connection_guard.abort)
        try:
            response.begin()
        except BaseException:
            response.connection_guard.release()
            response.close()
            raise
        return response


class _Connection(_GuardedConnection, HTTPConnection):
    pass


class _TLSConnection(_GuardedConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class ExchangeLimits(NamedTuple):
    """How long an exchange and its connection may take, and which addresses it may reach; None means all."""

    deadline: Deadline
    connect_seconds: float
    address_filter: AddressFilter | None


def exchanged(url: urllib3.util.Url, method: str, request: bytes, limits: ExchangeLimits) -> FinalResponse:
    """Return the response to a request, whose connection belongs to it until free(); raises OSError and HTTPException.

    Not by urlopen(): the request that it builds and the response around that of http.client took a tenth of a miss.
    """
    pools = pool(filtered=limits.address_filter is not None)
    place: Any = pools.connection_from_host(url.host, url.port, url.scheme)
    connection = place._get_conn()
    connection.deadline, connection.address_filter = limits.deadline, limits.address_filter
    try:
        connection.timeout = min(limits.connect_seconds, limits.deadline.left())
        response: FinalResponse = connection.ask(method, request)
    except BaseException:
        connection.close()
        place._put_conn(connection)
        raise
    response.connection, response.pool = connection, place
    return response


@functools.cache
def tls_context(certificates: str) -> ssl.SSLContext:
    """Return the context that trusts the public authorities and the operator's (PEM); forked processes share it.

    To read the authorities takes 30 ms of CPU; beside 50 other requests the first call of a worker began 150 ms later
    (measured).
    """
    context = urllib3.util.create_urllib3_context()
    context.load_verify_locations(certifi.where(), cadata=certificates or None)
    context.sslsocket_class = TLSSocket
    return context


@functools.cache
def pool(*, filtered: bool) -> urllib3.PoolManager:
    """Return the connections of this process; `filtered` ones were opened through an address filter."""
    # Separate pools: a request with an address filter must never reuse a connection opened without it.
    context = tls_context(operator_certificates())
    manager = urllib3.PoolManager(num_pools=HOSTS, maxsize=CONNECTIONS_PER_HOST, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager


# Two processes on one connection would read each other's responses.
os.register_at_fork(after_in_child=pool.cache_clear)
