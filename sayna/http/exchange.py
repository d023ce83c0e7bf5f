"""Send one request of requests over our own pools and return its response: no redirects, cookies or netrc."""

import functools
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException, IncompleteRead
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import urllib3
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidURL
from requests.structures import CaseInsensitiveDict

from sayna.http.connection_pool import ExchangeLimits, FinalResponse, exchanged
from sayna.http.deadline import Deadline
from sayna.http.errors import BadResponse, Cancelled, NotAllowed, TimedOut, TransportError, Unreachable
from sayna.http.sockets import AddressFilter, AddressRefused
from sayna.log import emit

READ_BYTES = 65536
REMEMBERED_URLS = 256

# Azure refuses requests without a User-Agent. An uncompressed body cannot be a decompression bomb.
HEADERS = {"User-Agent": "sayna", "Accept-Encoding": "identity"}
# Servers also send a charset or nothing as Content-Encoding (github.com/dondai44423/donsetch/issues/290).
_COMPRESSED = re.compile(r"\b(gzip|deflate|compress|br|zstd)\b", re.IGNORECASE)
PORTS = {"http": 80, "https": 443}
# Their requests have a length even without a body (RFC 9110, section 8.6).
BODY_METHODS = ("POST", "PUT", "PATCH")
BREAK = re.compile(r"[\r\n\0]")

logger = logging.getLogger("sayna.upstream")


class StreamedResponse:
    """A response whose body is still arriving; header names are in lower case."""

    def __init__(self, raw: FinalResponse, max_bytes: int) -> None:
        self.status = raw.status
        self.headers = cast("Mapping[str, str]", raw.headers)
        self._raw = raw
        self._bytes_allowed = max_bytes
        self._reading = threading.Lock()
        self._closed = False

    @property
    def is_framed(self) -> bool:
        """Whether the end of the body differs from a broken connection."""
        return "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "")

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives; raises TimedOut, BadResponse, or Cancelled after close()."""
        # Some servers compress without being asked; a decoded body would escape the byte limit.
        if _COMPRESSED.search(self.headers.get("content-encoding", "")):
            raise BadResponse("the response is compressed, but the request did not ask for that")
        while chunk := self.read1(READ_BYTES):
            self._bytes_allowed -= len(chunk)
            if self._bytes_allowed < 0:
                raise BadResponse("the response is larger than allowed")
            yield chunk

    def read(self) -> bytes:
        """Return the whole body and free the connection; raises as chunks() does."""
        try:
            return b"".join(self.chunks())
        finally:
            self.close()

    def close(self) -> None:
        """Free the connection; abort it, and wake a thread that reads it, when the body is not at its end."""
        self._closed = True
        self._raw.connection_guard.abort()
        # Never wait for the lock: the garbage collector may call close() while this very thread reads. A thread that
        # reads is woken by abort() and calls close() again.
        if self._reading.acquire(blocking=False):
            try:
                self._raw.free(is_whole=False)
            finally:
                self._reading.release()

    def read1(self, size: int) -> bytes:
        """Return the bytes that have arrived, at most `size`, empty at the end; raises as chunks() does."""
        try:
            # read() would hold the first byte back until `size` bytes are there. Measured with Content-Length: the
            # first byte comes after 105 ms with read1() and after 790 ms with read().
            with self._reading:
                chunk = b"" if self._closed else self._raw.read1(size)
                if not chunk and not self._closed:
                    if self._raw.length:
                        raise IncompleteRead(b"", self._raw.length)
                    self._raw.free(is_whole=True)
        except (HTTPException, OSError) as error:
            if self._closed:
                raise self._cancelled() from error
            if isinstance(error, TimeoutError):
                raise TimedOut("the response did not end in time") from error
            raise BadResponse("the response is incomplete") from error
        if self._closed:
            raise self._cancelled()
        return chunk

    def _cancelled(self) -> Cancelled:
        self.close()
        return Cancelled("the response was closed")


class PoolAdapter(HTTPAdapter):
    """The transport of requests over our own pools and sockets."""

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Create no pool, because connection_pool.py has them, with their own TLS context."""

    def send(self, request: PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> Response:
        """Return a response whose body has not been read; `timeout` is the ExchangeLimits of the exchange."""
        url, body = _parsed(request.url or ""), cast("bytes", request.body or b"")
        # Not build_response(), because it parses cookies of the response.
        response = Response()
        response.raw = exchanged(url, request.method or "", _head(url, request) + body, timeout)
        response.status_code = response.raw.status
        return response


# It holds no connection, so threads and forked processes may share it.
adapter = PoolAdapter()
# A vendor is asked at few URLs, and to encode and parse one again took 5 % of a short miss (measured).
_parsed = functools.lru_cache(maxsize=REMEMBERED_URLS)(urllib3.util.parse_url)


@functools.lru_cache(maxsize=REMEMBERED_URLS)
def _prepared_url(url: str, params: tuple[tuple[str, str], ...]) -> str | None:
    query = f"{'&' if '?' in url else '?'}{urlencode(params)}" if params else ""
    request = PreparedRequest()
    request.prepare_url(url + query, None)
    return request.url


def _head(url: urllib3.util.Url, request: PreparedRequest) -> bytes:
    port = "" if url.port in (None, PORTS.get(url.scheme or "")) else f":{url.port}"
    lines = [f"{request.method} {url.request_uri} HTTP/1.1", f"Host: {url.host}{port}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if request.body is not None or request.method in BODY_METHODS:
        lines.append(f"Content-Length: {len(request.body or b'')}")
    # A line break would begin another header, or another request.
    if BREAK.search("".join(lines)):
        raise ValueError("a header of the request has a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


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
    address_filter: AddressFilter | None = None,
) -> StreamedResponse:
    """Return the response of any status, redirects included, as soon as its head has arrived.

    `address_filter` sees every address of the host; only addresses that it allowed are connected.
    Raises Unreachable, TimedOut or BadResponse, and NotAllowed when `address_filter` refuses an address.
    """
    started = time.monotonic()
    outcome: int | str = "error"
    try:
        # Not by a Session: its settings, cookies and hooks would be empty, but to merge them took 0.15 ms (measured).
        request = PreparedRequest()
        request.method, request.body = method, data
        request.url = _prepared_url(url, tuple(params.items()) if params else ())
        request.headers = CaseInsensitiveDict({**HEADERS, **headers})
        raw = cast(
            "FinalResponse",
            adapter.send(request, timeout=ExchangeLimits(deadline, connect_seconds, address_filter)).raw,
        )
    except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
        failure = Cancelled("the request was cancelled") if deadline.cancelled else _meaning(error)
        outcome = type(failure).__name__
        raise failure from error
    else:
        outcome = raw.status
        streamed = StreamedResponse(raw, max_bytes)
        deadline.when_cancelled(streamed.close)
        return streamed
    finally:
        _log(method, url, outcome, started)


def _meaning(error: Exception) -> TransportError:
    """Return the meaning of an error that was raised before the head of the response had arrived."""
    # Keep this order: all but the last are kinds of OSError.
    if isinstance(error, AddressRefused):
        return NotAllowed("the address is not allowed")
    if isinstance(error, TimeoutError):
        return TimedOut("no response in time")
    if isinstance(error, InvalidURL):
        return Unreachable("the URL names no valid host")
    if isinstance(error, OSError):
        return Unreachable("the connection failed")
    return BadResponse("the response is not HTTP")


def _log(method: str, url: str, outcome: int | str, started: float) -> None:
    # Log the URL without its query, because some vendors accept keys there.
    parts = urlsplit(url)
    emit(
        logger,
        logging.INFO,
        "upstream",
        method=method,
        host=parts.netloc,
        path=parts.path,
        status=outcome,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )
