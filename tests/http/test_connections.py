"""Which connections are reused, closed, or aborted from another thread."""

import gc
import os
import threading
from pathlib import Path

import pytest

from sayna import http
from tests.http.exchange import AUDIO, assert_close_wakes_the_reader, send
from tests.wire import FaultServer, answers
from tests.wire.server import Answer


@pytest.mark.parametrize(
    "answer",
    [answers.whole(AUDIO), answers.chunked([AUDIO[:5000], AUDIO[5000:]]), answers.whole(b"")],
    ids=["length", "chunked", "empty"],
)
def test_connection_is_reused_when_the_body_was_read(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    bodies = {send(server.url).read() for _ in range(3)}

    assert len(bodies) == 1
    assert (len(server.hits), server.connections) == (3, 1)


def test_connection_is_closed_when_the_body_was_not_read(server: FaultServer) -> None:
    server.always(answers.split(AUDIO, AUDIO, lambda: server.left.wait(30)))

    response = send(server.url)
    next(response.chunks())
    response.close()
    server.left.set()

    assert send(server.url).read() == AUDIO * 2
    assert server.connections == 2


def test_idle_connection_is_replaced_when_the_peer_closed_it(server: FaultServer) -> None:
    server.then(answers.closing(answers.whole(b"one"))).always(answers.whole(b"two"))

    assert send(server.url).read() == b"one"
    assert server.closed.wait(30)
    assert send(server.url).read() == b"two"
    assert server.connections == 2


def test_connections_of_unused_hosts_are_closed() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(80):
        with FaultServer() as server:
            server.always(answers.whole(b"yes"))
            send(server.url).read()
    gc.collect()

    assert len(list(Path("/proc/self/fd").iterdir())) - before < 50


def test_forked_process_opens_its_own_connections(server: FaultServer) -> None:
    server.always(answers.whole(b"yes"))
    assert send(server.url).read() == b"yes"

    child = os.fork()
    if not child:
        os._exit(send(server.url).read() != b"yes")

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert send(server.url).read() == b"yes"
    assert [hit.connection for hit in server.hits] == [1, 2, 1]


def test_close_wakes_the_reading_thread(server: FaultServer) -> None:
    assert_close_wakes_the_reader(server)

    assert server.left.wait(30), "the connection was kept"


def test_closed_response_cannot_be_read(server: FaultServer) -> None:
    server.always(answers.close_delimited(AUDIO))
    response = send(server.url)
    response.close()

    with pytest.raises(http.Cancelled):
        response.read()


def test_late_close_spares_the_next_exchange(server: FaultServer) -> None:
    arrived = threading.Event()
    server.then(answers.whole(b"one")).always(answers.split(b"tw", b"o", lambda: arrived.wait(30)))
    old = send(server.url)
    assert b"".join(old.chunks()) == b"one"
    new = send(server.url)
    chunks = new.chunks()
    assert next(chunks) == b"tw"

    old.close()
    arrived.set()

    assert b"".join(chunks) == b"o"
    assert server.connections == 1
