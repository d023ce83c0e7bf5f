"""Every wait ends: at the deadline, or after the connect timeout."""

import socket
import threading
import time

import pytest

from sayna import http
from tests.http.exchange import LATE, LATE_RESPONSES, SOON, send
from tests.wire import FaultServer, answers, blackhole
from tests.wire.server import Answer


@pytest.mark.parametrize("answer", LATE_RESPONSES.values(), ids=LATE_RESPONSES)
def test_deadline_limits_the_whole_exchange(server: FaultServer, answer: Answer) -> None:
    server.always(answer)
    started = time.monotonic()

    with pytest.raises(http.TimedOut):
        send(server.url, seconds=SOON).read()

    assert SOON <= time.monotonic() - started < LATE
    assert server.left.wait(30), "the connection was kept"


def test_request_is_not_sent_after_the_deadline(server: FaultServer) -> None:
    with pytest.raises(http.TimedOut):
        send(server.url, seconds=0)

    assert (server.hits, server.connections) == ([], 0)


def test_sending_ends_at_the_deadline() -> None:
    with FaultServer(deaf=True) as deaf:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(deaf.url, seconds=SOON, method="POST", data=b"x" * 30_000_000)

        assert time.monotonic() - started < LATE


def test_connecting_ends_after_the_connect_timeout() -> None:
    with blackhole() as port:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(f"http://127.0.0.1:{port}", connect=SOON, seconds=30)

        assert SOON <= time.monotonic() - started < LATE


def test_handshake_ends_after_the_connect_timeout() -> None:
    with FaultServer(deaf=True) as deaf:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(f"https://127.0.0.1:{deaf.port}", connect=SOON, seconds=30)

        assert time.monotonic() - started < LATE


def test_lookup_ends_after_the_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(10) and [])
    started = time.monotonic()

    with pytest.raises(http.TimedOut):
        send("http://slow.invalid", connect=SOON, seconds=30)

    assert time.monotonic() - started < LATE
    done.set()


def test_second_address_is_tried_when_the_first_is_silent(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.always(answers.whole(b"yes"))
    with blackhole() as port:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", at)) for at in (port, server.port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        # Half of the time is for each.
        assert send("http://vendor.invalid", connect=3.0).read() == b"yes"
