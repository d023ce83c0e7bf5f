"""A thousand connections that clients hold open, at one worker without nginx."""

import resource
import socket
import statistics
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer, start_gunicorn
from tests.e2e.program import until
from tests.e2e.servers import Gunicorn
from tests.e2e.wire import Address, read_until_quiet

pytestmark = pytest.mark.e2e
HELD = 1000
ASKED = 100
SECONDS = 0.02  # by which GET / may be slower beside them
QUIET = 60  # seconds; the server closes after 10 at most
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
HEAD = b"POST /speak HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
HOLDS = {
    "silent": b"",
    "kept alive": GET + b"\r\n",
    "half a line": b"GET / HT",
    "half a head": GET,
    "half a body": HEAD + b'Content-Length: 100\r\n\r\n{"te',
    "half a chunk": HEAD + b'Transfer-Encoding: chunked\r\n\r\n64\r\n{"te',
    "told to close": GET + b"Connection: close\r\n\r\n",
    "refused": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
}


@contextmanager
def held(address: Address, sent: bytes, number: int = HELD) -> Iterator[list[socket.socket]]:
    """Open connections that send this and then neither read, nor send, nor close."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with ExitStack() as stack:
            socks = [stack.enter_context(closing(address.connect())) for _ in range(number)]
            for sock in socks:
                sock.sendall(sent)
            yield socks
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def median_seconds(*addresses: Address) -> list[float]:
    """Return how long GET / takes at each address, in turns, each on a connection of its own."""
    took: list[list[float]] = [[] for _ in addresses]
    for _ in range(ASKED):
        for address, seconds in zip(addresses, took, strict=True):
            begun = time.monotonic()
            assert address.ask("GET", "/").status == 200
            seconds.append(time.monotonic() - begun)
    return [statistics.median(seconds) for seconds in took]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """One worker, without nginx."""
    with start_gunicorn(tmp_path_factory.mktemp("alone") / "server", WEB_CONCURRENCY="1") as gunicorn:
        yield gunicorn


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """The same, with no connection held: it is as slow as this machine is now."""
    with start_gunicorn(tmp_path_factory.mktemp("idle") / "server", WEB_CONCURRENCY="1") as gunicorn:
        yield gunicorn


@pytest.mark.parametrize("name", HOLDS)
def test_held_connections_slow_nobody_down(alone: Gunicorn, idle: Gunicorn, name: str) -> None:
    with held(alone.address, HOLDS[name]):
        beside, without = median_seconds(alone.address, idle.address)
        assert beside < 2 * without + SECONDS


def test_connections_that_send_nothing_are_dropped(alone: Gunicorn) -> None:
    begun = time.monotonic()
    with held(alone.address, b"", 50) as socks:
        for sock in socks:
            assert read_until_quiet(sock, QUIET) == (b"", True)
        assert time.monotonic() - begun > 8


@pytest.mark.parametrize("name", ["half a line", "half a head", "half a body", "half a chunk"])
def test_an_unfinished_request_is_told_that_it_is_too_slow(alone: Gunicorn, name: str) -> None:
    with closing(alone.address.connect()) as sock:
        sock.sendall(HOLDS[name])
        answer, closed = read_until_quiet(sock, QUIET)

    assert closed
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "REQUEST_TIMEOUT"' in answer


def test_requests_sent_in_one_go_are_all_answered(alone: Gunicorn) -> None:
    with closing(alone.address.connect()) as sock:
        sock.sendall((GET + b"\r\n") * 20 + GET + b"Connection: close\r\n\r\n")
        answer, closed = read_until_quiet(sock, QUIET)

    assert closed
    assert answer.count(OK) == 21


def test_a_large_body_that_no_route_reads_leaves_the_connection_open(alone: Gunicorn) -> None:
    with alone.address.client() as client:
        assert client.ask("POST", "/livekit/webhook", b" " * 2**20).status == 503
        sock = client.sock
        assert client.ask("GET", "/").status == 200
        assert client.sock is sock


def test_a_request_may_come_byte_by_byte(alone: Gunicorn) -> None:
    body = b'{"text":"hello","provider":"espeak"}'
    chunks = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in body) + b"0\r\nX-Trailer: x\r\n\r\n"
    whole = HEAD + b"Accept: audio/wav\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    with closing(alone.address.connect()) as sock:
        for position in range(len(whole)):
            sock.sendall(whole[position : position + 1])
        answer, closed = read_until_quiet(sock, QUIET)

    assert closed
    assert answer.startswith(OK)
    assert b"RIFF" in answer


def test_a_client_that_waits_for_100_is_told_to_go_on_once(alone: Gunicorn) -> None:
    body = b'{"text":"hello","provider":"espeak"}'
    with closing(alone.address.connect()) as sock:
        sock.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        answer, _ = read_until_quiet(sock, QUIET)

    assert answer.startswith(OK)
    assert b"100 Continue" not in answer


@pytest.mark.parametrize("name", HOLDS)
def test_held_connections_do_not_delay_a_stop(server: StartServer, name: str) -> None:
    # Longer than stop() waits.
    gunicorn = server(WEB_CONCURRENCY="1", GRACEFUL_TIMEOUT="120")
    with held(gunicorn.address, HOLDS[name], 50):
        assert gunicorn.address.ask("GET", "/").status == 200
        gunicorn.stop()


def test_a_half_closed_client_is_answered(alone: Gunicorn) -> None:
    with closing(alone.address.connect()) as sock:
        sock.sendall(GET + b"\r\n")
        sock.shutdown(socket.SHUT_WR)
        answer, closed = read_until_quiet(sock, QUIET)

    assert closed
    assert answer.startswith(OK)


def reset(sock: socket.socket) -> None:
    """Close so that the server gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_resets_at_any_moment_leave_nothing_behind(alone: Gunicorn) -> None:
    [worker] = alone.workers()
    files = len(list_files(worker))
    for sent in HOLDS.values():
        with held(alone.address, sent, 20) as socks:
            for sock in socks:
                reset(sock)
    until(lambda: len(list_files(worker)) <= files + 2, 30, "the worker has closed them")
    assert "Traceback" not in alone.log


def list_files(pid: int) -> list[str]:
    return [entry.name for entry in Path(f"/proc/{pid}/fd").iterdir()]
