"""When a request is whole, and what can never become one."""

import json
import random
import re

import pytest
from gunicorn.http import errors

from sayna.server.refusal import RequestTimeout, refused
from sayna.server.request_buffer import MAX_HEAD, MAX_LINE, Progress, RequestBuffer

LIMIT = 1000
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /speak HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "no body": GET,
    "no headers": b"GET / HTTP/1.0\r\n\r\n",
    "empty line first": b"\r\n" + GET,
    "length": POST + b"Content-Length: 5\r\n\r\nhello",
    "length of nothing": POST + b"content-length:0\r\n\r\n",
    "chunks": CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"A \r\n0123456789\r\n0\r\nX-Trailer: x\r\n\r\n",
    # What gunicorn's parser refuses is whole at the end of its head.
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "length with a sign": POST + b"Content-Length: +5\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("name", WHOLE)
def test_request_is_whole_with_its_last_byte(name: str) -> None:
    buffer = RequestBuffer(LIMIT)
    *before, last = [buffer.feed(bytes([byte])) for byte in WHOLE[name]]

    assert last is Progress.WHOLE
    assert Progress.WHOLE not in before
    assert bytes(buffer.data) == WHOLE[name]
    assert RequestBuffer(LIMIT).feed(WHOLE[name] + GET) is Progress.WHOLE


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 1001\r\n\r\n",
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        CHUNKED + b"3E8\r\n" + b"a" * 1000 + b"\r\n1\r\nb",
        CHUNKED + b"1;" + b"x" * 8000 + b"\r\na\r\n" + (b"1;" + b"x" * 8000 + b"\r\na\r\n") * 10,
    ],
)
def test_body_beyond_the_limit_is_handed_over(request_bytes: bytes) -> None:
    assert RequestBuffer(LIMIT).feed(request_bytes) is Progress.TOO_LARGE


@pytest.mark.parametrize(
    ("request_bytes", "error"),
    [
        (b"\x16\x03\x01", errors.InvalidRequestLine),
        (b"get", errors.InvalidRequestLine),
        (b"GET / HTTX", errors.InvalidRequestLine),
        (b"GET /\n", errors.InvalidRequestLine),
        (b"GET /\r\n", errors.InvalidRequestLine),
        (b"\r\n\r\n", errors.InvalidRequestLine),
        (b"GET / HTTP/2.0\r\n", errors.InvalidHTTPVersion),
        (b"GET /" + b"a" * MAX_LINE, errors.LimitRequestLine),
        (b"GET / HTTP/1.1\r\nHost: a\n", errors.InvalidHeader),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (MAX_HEAD // 6), errors.LimitRequestHeaders),
        (CHUNKED + b"zz\r\n", errors.InvalidChunkSize),
        (CHUNKED + b"f" * 9000, errors.InvalidChunkSize),
        (CHUNKED + b"1\r\nabc\r\n", errors.InvalidChunkSize),
    ],
)
def test_nothing_is_waited_for_where_no_request_can_come(request_bytes: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        RequestBuffer(LIMIT).feed(request_bytes)


@pytest.mark.parametrize("seed", range(200))
def test_pieces_of_a_request_end_as_the_whole_does(seed: int) -> None:
    dice = random.Random(seed)
    request = bytearray(dice.choice(list(WHOLE.values())))
    for _ in range(dice.randint(1, 4)):
        request[dice.randrange(len(request))] = dice.randrange(256)
    at_once, buffer = _outcome(RequestBuffer(LIMIT), [bytes(request)]), RequestBuffer(LIMIT)
    in_pieces = _outcome(buffer, [bytes(request[start : start + 3]) for start in range(0, len(request), 3)])

    assert at_once == in_pieces


def _outcome(buffer: RequestBuffer, pieces: list[bytes]) -> object:
    """Return what a buffer says in the end; a request that is whole takes no more."""
    progress = Progress.EMPTY
    for piece in pieces:
        try:
            progress = buffer.feed(piece)
        except errors.ParseException:
            return "refused"
        if progress in (Progress.WHOLE, Progress.TOO_LARGE):
            return "handed over"
    return progress


def test_expectation_is_seen() -> None:
    buffer = RequestBuffer(LIMIT)

    assert buffer.feed(POST + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n") is Progress.BODY
    assert buffer.expects_continue


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.InvalidHeader("canary"), 400, "INVALID_REQUEST"),
        (errors.LimitRequestLine(9000, 8190), 414, "URI_TOO_LONG"),
        (errors.UnsupportedTransferCoding("canary"), 501, "NOT_IMPLEMENTED"),
        (errors.InvalidResponseHeader("canary"), 500, "INTERNAL_ERROR"),
        (RequestTimeout(), 408, "REQUEST_TIMEOUT"),
        (ValueError("canary"), 500, "INTERNAL_ERROR"),
    ],
)
def test_refusal_says_nothing_of_the_request(error: Exception, status: int, code: str) -> None:
    head, _, body = refused(None, error).partition(b"\r\n\r\n")
    request_id = re.findall(rb"X-Request-ID: (\w{32})", head)[0].decode()

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body) | {"error": ""} == {"error": "", "code": code, "request_id": request_id}
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"canary" not in head + body
