"""One exchange with a server on loopback, and servers that respond too late."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from sayna import http
from tests.wire import FaultServer, answers

AUDIO = bytes(range(256)) * 40
SOON = 0.4
# Below every other limit here, and late enough for a machine that stands still for a moment.
LATE = SOON + 4.0


def send(
    url: str,
    *,
    seconds: float = 5.0,
    connect: float = 5.0,
    max_bytes: int = 10**6,
    method: str = "GET",
    **call: Any,
) -> http.StreamedResponse:
    return http.send(
        method,
        url,
        headers={"Authorization": "Token canary"},
        deadline=http.Deadline.after(seconds),
        connect_seconds=connect,
        max_bytes=max_bytes,
        **call,
    )


LATE_RESPONSES = {
    "hang": answers.hang(),
    "hang in the head": answers.hang_after(b"HTTP/1.1 200 OK\r\nContent-"),
    "hang in the body": answers.hang_in_body(),
    "drip in the status line": answers.drip(b"HTTP/1.1 200 OK" + b" " * 1000),
    "drip in the head": answers.drip(b"X: y\r\n" * 1000, first=b"HTTP/1.1 200 OK\r\n"),
    "drip of interim responses": answers.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "drip in the body": answers.drip(b"x" * 1000, first=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    "drip of chunks": answers.drip(
        b"1\r\nx\r\n" * 1000, first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "drip without an end": answers.drip(b"x" * 1000, first=b"HTTP/1.1 200 OK\r\n\r\n"),
}


def assert_still_reading(reading: Future[bytes]) -> None:
    with pytest.raises(TimeoutError):
        reading.result(0.1)


def assert_close_wakes_the_reader(server: FaultServer) -> None:
    server.always(answers.hang_in_body())
    response = send(server.url, seconds=30)
    chunks = response.chunks()
    next(chunks)

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(next, chunks)
        assert_still_reading(reading)
        response.close()
        with pytest.raises(http.Cancelled):
            reading.result(20)
