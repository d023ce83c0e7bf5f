"""Outbound HTTP: pooled, without redirects or proxy variables, with a total deadline and a byte cap.

A read time-out alone lets a peer that drips one byte a second hold a thread for ever, so the sockets
here know the moment by which everything must be over and shorten each read to what is left of it.
"""

import http.cookiejar
import logging
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sayna.log import emit

POOL_SIZE = 64
READ_BYTES = 65536

logger = logging.getLogger("sayna.upstream")


class TransportError(Exception):
    """The exchange did not complete; nothing of the peer's words is in the message."""


class Unreachable(TransportError):
    """Refused, reset before an answer, no such name, or TLS that does not verify."""


class TimedOut(TransportError):
    """The total deadline, or the time to connect, ran out."""


class BadAnswer(TransportError):
    """What came back is not HTTP, is cut short, is encoded, or is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which all must be done."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the moment `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Reply:
    """An answer whose body is still on the wire; header names are in lower case."""

    def __init__(self, raw: requests.Response, max_bytes: int) -> None:
        self.status = raw.status_code
        self.headers = {name.lower(): value for name, value in raw.headers.items()}
        self._raw = raw
        self._left = max_bytes

    @property
    def framed(self) -> bool:
        """Whether the end of the body can be told from a broken connection."""
        return "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "")

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives; raises TimedOut or BadAnswer."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadAnswer("the answer is compressed, which was not asked for")
        while piece := self.piece(READ_BYTES):
            self._left -= len(piece)
            if self._left < 0:
                raise BadAnswer("the answer is larger than allowed")
            yield piece

    def read(self) -> bytes:
        """Return the whole body and free the connection; raises TimedOut or BadAnswer."""
        try:
            return b"".join(self.chunks())
        finally:
            self.close()

    def close(self) -> None:
        """Free the connection; one that is not read to its end is dropped, not reused."""
        self._raw.close()

    def piece(self, size: int) -> bytes:
        """Return what has come of the body, at most `size` bytes; nothing at its end. Raises as chunks() does."""
        # iter_content holds the first byte back until its whole piece is there; read1 does not.
        try:
            return bytes(self._raw.raw.read1(size))
        except (urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise TimedOut("the answer did not end in time") from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            raise BadAnswer("the answer broke off") from error


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    deadline: Deadline,
    connect_seconds: float,
    max_bytes: int,
    params: Mapping[str, str] | None = None,
    data: bytes | None = None,
    pause_seconds: float = math.inf,
) -> Reply:
    """Return the answer's head as soon as it is there, whatever its status.

    `pause_seconds` bounds each silence of the peer, for what may take long as long as it goes on.
    Raises Unreachable, TimedOut or BadAnswer. Redirects are answers like any other.
    """
    started = time.monotonic()
    _current.deadline = deadline.at
    outcome: int | str = "error"
    try:
        raw = _session().request(
            method,
            url,
            params=params,
            data=data,
            headers={"Accept-Encoding": "identity", **headers},
            timeout=(
                min(connect_seconds, deadline.remaining()) or 0.001,
                min(pause_seconds, deadline.remaining()) or 0.001,
            ),
            allow_redirects=False,
            stream=True,
        )
        outcome = raw.status_code
        return Reply(raw, max_bytes)
    except requests.RequestException as error:
        outcome = type(error).__name__
        raise _translated(error) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        outcome = type(error).__name__
        raise BadAnswer("the answer is not HTTP") from error
    finally:
        _log(method, url, outcome, started)


def post(
    url: str,
    *,
    data: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    connect_seconds: float,
    max_bytes: int,
) -> Answer:
    """Return a whole answer; raises Unreachable, TimedOut or BadAnswer."""
    reply = send(
        "POST", url, data=data, headers=headers, deadline=deadline, connect_seconds=connect_seconds,
        max_bytes=max_bytes,
    )  # fmt: skip
    return Answer(reply.status, reply.headers, reply.read())


def _translated(error: requests.RequestException) -> TransportError:
    if isinstance(error, requests.Timeout):
        return TimedOut("no answer in time")
    if isinstance(error, requests.exceptions.ConnectionError) and not _is_garbage(error):
        return Unreachable("the connection failed")
    return BadAnswer("the answer is not HTTP")


def _is_garbage(error: BaseException) -> bool:
    """Tell a peer that does not speak HTTP from one that reset the connection."""
    reason = error.args[0] if error.args else None
    cause = reason.args[-1] if isinstance(reason, urllib3.exceptions.ProtocolError) else None
    return isinstance(cause, http.client.HTTPException) and not isinstance(cause, ConnectionError)


def _log(method: str, url: str, outcome: int | str, started: float) -> None:
    parts = urlsplit(url)
    emit(
        logger, logging.INFO, "upstream", method=method, host=parts.netloc, path=parts.path, status=outcome,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )  # fmt: skip


class _Current(threading.local):
    deadline: float = float("inf")


_current = _Current()


class _DeadlineMixin:
    deadline: float = float("inf")

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the total deadline is over")
        if left != float("inf"):
            self.settimeout(left)  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc, no-any-return]


class _Socket(_DeadlineMixin, socket.socket):
    pass


class _TLSSocket(_DeadlineMixin, ssl.SSLSocket):
    pass


class _ConnectionMixin:
    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()  # type: ignore[misc]
        timeout = plain.gettimeout()
        sock = _Socket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        sock.settimeout(timeout)
        return sock

    def getresponse(self) -> Any:
        self.sock.deadline = _current.deadline  # type: ignore[attr-defined]
        return super().getresponse()  # type: ignore[misc]


class _Connection(_ConnectionMixin, HTTPConnection):
    pass


class _TLSConnection(_ConnectionMixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = urllib3.util.create_urllib3_context()
        context.sslsocket_class = _TLSSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


_sessions: dict[int, requests.Session] = {}
_lock = threading.Lock()
os.register_at_fork(after_in_child=_sessions.clear)


def _session() -> requests.Session:
    """Return this process's session: connections must not be shared over a fork."""
    pid = os.getpid()
    with _lock:
        if pid not in _sessions:
            session = requests.Session()
            session.trust_env = False
            session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
            session.mount("https://", _Adapter(pool_maxsize=POOL_SIZE))
            session.mount("http://", _Adapter(pool_maxsize=POOL_SIZE))
            _sessions[pid] = session
        return _sessions[pid]
