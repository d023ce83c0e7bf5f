"""Clients that send almost nothing, by the hundred."""

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.servers import Gunicorn, Nginx, answers, rendered, started
from tests.e2e.wire import Address, read_until_quiet

SLOW = 200
LIMIT = 4  # seconds, instead of the 10 of the shipped nginx.conf
CUT_SECONDS = LIMIT + 5
HEAD = b"POST /speak HTTP/1.1\r\nHost: sayna.test\r\nContent-Type: application/json\r\n"
BODY_STOPS = HEAD + b"Content-Length: 100\r\n\r\nabc"


@dataclass(frozen=True, slots=True)
class Site:
    """Sayna, and the address of the nginx in front of it."""

    gunicorn: Gunicorn
    public: Address


def health_seconds(site: Site, asked: int) -> list[float]:
    """Return how long GET / took, each time on a connection of its own."""
    seconds = []
    for _ in range(asked):
        begun = time.monotonic()
        assert site.public.ask("GET", "/").status == 200
        seconds.append(time.monotonic() - begun)
        time.sleep(0.01)
    return seconds


def drip(socks: list[socket.socket], stop: threading.Event) -> None:
    """Send the head byte by byte until nobody takes it any more."""
    for position in range(len(HEAD)):
        for sock in socks:
            with suppress(ConnectionError):
                sock.send(HEAD[position : position + 1])
        if stop.wait(0.5):
            return


def impatient(folder: Path, upstream: Path, port: int) -> Path:
    """Return the shipped nginx.conf with a shorter wait for heads and bodies."""
    path = rendered(folder, upstream, port)
    text = path.read_text("utf-8")
    for name in ("client_header_timeout", "client_body_timeout"):
        assert f"{name} 10s;" in text
        text = text.replace(f"{name} 10s;", f"{name} {LIMIT}s;")
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def site(tmp_path: Path, server: StartServer) -> Iterator[Site]:
    gunicorn = server(at=Address(path=tmp_path / "sayna.sock"))
    folder = tmp_path / "nginx"
    folder.mkdir()
    nginx = Nginx(folder, tmp_path / "sayna.sock", impatient)
    with started(nginx, lambda: answers(nginx.address)):
        yield Site(gunicorn, nginx.address)


def test_two_hundred_slow_clients_slow_nobody_down_and_are_cut(site: Site) -> None:
    stop = threading.Event()
    begun = time.monotonic()
    with ExitStack() as stack:
        bodies, heads = (
            [stack.enter_context(closing(site.public.connect())) for _ in range(SLOW // 2)] for _ in range(2)
        )
        for sock in bodies:
            sock.sendall(BODY_STOPS)
        dripping = threading.Thread(target=drip, args=(heads, stop))
        dripping.start()
        stack.callback(dripping.join)
        stack.callback(stop.set)

        took = health_seconds(site, 100)
        assert time.monotonic() - begun < CUT_SECONDS, "GET / was asked too slowly to tell anything"
        for sock in bodies + heads:
            assert read_until_quiet(sock, CUT_SECONDS)[1], "a slow client is still served"
        assert time.monotonic() - begun < CUT_SECONDS

    assert statistics.quantiles(took, n=100)[98] < 0.5
    assert "/speak" not in site.gunicorn.log, "a body that is not whole has reached a worker"
