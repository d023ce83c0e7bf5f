"""The answers to requests that the application never sees: contract 0, without a word of the request."""

import json
import logging
import secrets
from http import HTTPStatus
from typing import Any, NamedTuple

from gunicorn.http import errors

from sayna import log

logger = logging.getLogger("sayna.server")


class RequestTimeout(errors.ParseException):  # type: ignore[misc]
    """The client began a request and did not finish it in time."""


class BufferFull(errors.ParseException):  # type: ignore[misc]
    """The worker holds as many bytes of unfinished requests as it may."""


class Refusal(NamedTuple):
    """The status, code and sentence of one kind of refusal."""

    status: int
    code: str
    sentence: str


_INTERNAL = Refusal(500, "INTERNAL_ERROR", "something went wrong here; the log knows it by this request_id")
_MALFORMED = Refusal(400, "INVALID_REQUEST", "the request is not HTTP as this server understands it")
_REFUSALS: dict[type[BaseException], Refusal] = {
    errors.LimitRequestLine: Refusal(414, "URI_TOO_LONG", "the address is longer than this server accepts"),
    errors.LimitRequestHeaders: Refusal(431, "HEADERS_TOO_LARGE", "the headers are larger than this server accepts"),
    errors.ExpectationFailed: Refusal(417, "EXPECTATION_FAILED", "the only expectation served is 100-continue"),
    errors.UnsupportedTransferCoding: Refusal(501, "NOT_IMPLEMENTED", "the only transfer coding served is chunked"),
    errors.InvalidHTTPVersion: Refusal(505, "HTTP_VERSION_NOT_SUPPORTED", "this server speaks HTTP/1.1 and HTTP/1.0"),
    RequestTimeout: Refusal(408, "REQUEST_TIMEOUT", "the request came too slowly"),
    BufferFull: Refusal(503, "OVERLOADED", "the service is busy; try again"),
    # These are mistakes of the application, not of the client.
    errors.InvalidResponseHeader: _INTERNAL,
    errors.InvalidResponseHeaderName: _INTERNAL,
}


def refused(client: Any, error: BaseException) -> bytes:
    """Return the response to a request that failed outside the application, and log it without a word of it.

    `client` is the peer of the socket: a host and a port, or a str for a unix socket.
    """
    fallback = _MALFORMED if isinstance(error, errors.ParseException) else _INTERNAL
    found, request_id = _REFUSALS.get(type(error), fallback), secrets.token_hex(16)
    fields = {"status": found.status, "code": found.code, "request_id": request_id}
    if found is _INTERNAL:
        logger.error("unforeseen", exc_info=error, extra={"fields": fields})
    else:
        address = client[0] if isinstance(client, tuple) else None
        log.emit(logger, logging.WARNING, "refused", **fields, client=address)
    body = json.dumps({"error": found.sentence, "code": found.code, "request_id": request_id}) + "\n"
    head = [
        f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"X-Request-ID: {request_id}",
    ]
    if found.status == HTTPStatus.SERVICE_UNAVAILABLE:
        head.append("Retry-After: 1")
    return "\r\n".join([*head, "", body]).encode()
