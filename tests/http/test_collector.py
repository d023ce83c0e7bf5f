"""The collector may drop the last listener anywhere, also where this very thread reads or cuts the answer."""

import gc
import socket
import sys
import threading
from collections.abc import Callable

import pytest

from sayna import http
from sayna.http.sockets import ConnectionGuard
from tests.wire import FaultServer, answers


class Collecting(http.Deadline):
    """A deadline at which the collector happens to be at work, as a socket is read."""

    __slots__ = ()

    def left(self) -> float:
        gc.collect()
        return super().left()


class Dropped:
    """Calls, like the last listener of a flight, the vendor off; alive until it is collected."""

    def __init__(self, call_off: Callable[[], None]) -> None:
        self.call_off = call_off
        self.itself = self

    def __del__(self) -> None:
        self.call_off()


def ends(work: Callable[[], None]) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5)
    return not thread.is_alive()


def test_a_call_that_its_own_reader_calls_off_ends() -> None:
    with FaultServer() as server:
        server.always(answers.hang_in_body())
        deadline = Collecting.after(30)
        reply = http.send("GET", server.url, headers={}, deadline=deadline, connect_seconds=5, max_bytes=10**6)
        chunks = reply.chunks()
        next(chunks)

        def read() -> None:
            Dropped(deadline.cancel)
            with pytest.raises(http.Cancelled):
                next(chunks)

        assert ends(read)
        assert server.left.wait(5), "the vendor still believes that somebody listens"


def test_a_connection_that_is_cut_while_it_is_cut_does_not_wait_for_itself() -> None:
    ours, theirs = socket.socketpair()
    guard = ConnectionGuard(ours)

    def collect(*_: object) -> object:
        Dropped(guard.abort)
        gc.collect()
        return collect

    def abort() -> None:
        # The collector comes at every line of it.
        sys.settrace(lambda frame, *_: collect if frame.f_code is ConnectionGuard.abort.__code__ else None)
        guard.abort()

    assert ends(abort)
    ours.close()
    theirs.close()
