"""Clients that send almost nothing, by the hundred."""

import select
import socket
import statistics
import threading
import time
from contextlib import ExitStack, closing, suppress

from tests.e2e.conftest import Site
from tests.e2e.wire import TIMEOUT, read_until_quiet

SLOW = 200
HEAD = b"POST /speak HTTP/1.1\r\nHost: sayna.test\r\nContent-Type: application/json\r\n"
BODY_STOPS = HEAD + b"Content-Length: 100\r\n\r\nabc"


def health_seconds(site: Site, slow: list[socket.socket]) -> list[float]:
    """Return how long GET / took, each time on a connection of its own, while nginx holds all slow clients."""
    seconds: list[float] = []
    while len(seconds) < 100 and all(is_held(sock) for sock in slow):
        begun = time.monotonic()
        assert site.public.ask("GET", "/").status == 200
        seconds.append(time.monotonic() - begun)
        time.sleep(0.01)
    return seconds


def is_held(sock: socket.socket) -> bool:
    """Return whether the server has neither answered nor closed."""
    look = select.poll()
    look.register(sock, select.POLLIN)
    return not look.poll(0)


def drip(socks: list[socket.socket], stop: threading.Event) -> None:
    """Send the head byte by byte until nobody takes it any more."""
    for position in range(len(HEAD)):
        for sock in socks:
            with suppress(ConnectionError):
                sock.send(HEAD[position : position + 1])
        if stop.wait(0.5):
            return


def test_two_hundred_slow_clients_slow_nobody_down_and_are_cut(site: Site) -> None:
    stop = threading.Event()
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

        took = health_seconds(site, bodies + heads)
        # nginx waits for 10 s, so a machine that stands still for some of them leaves time enough.
        assert len(took) >= 10
        for sock in bodies + heads:
            assert read_until_quiet(sock, TIMEOUT)[1], "a slow client is still served"

    # Behind slow clients each would wait for seconds.
    assert statistics.median(took) < 0.5
    assert "/speak" not in site.gunicorn.log, "a body that is not whole has reached a worker"
