"""The garbage collector may cancel a request anywhere, even in the thread that reads or aborts it."""

import gc
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sayna import http
from sayna.http.sockets import ConnectionGuard
from tests.wire import FaultServer, answers


class CollectingDeadline(http.Deadline):
    """A deadline at which the garbage collector runs whenever a socket is read."""

    __slots__ = ()

    def left(self) -> float:
        gc.collect()
        return super().left()


class CancelsWhenCollected:
    """Cancels a request when it is collected, like the last subscriber of a synthesis."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cancel = cancel
        self.itself = self

    def __del__(self) -> None:
        self.cancel()


def ends(work: Callable[[], None]) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


def test_read_ends_when_its_own_thread_cancels() -> None:
    with FaultServer() as server:
        server.always(answers.hang_in_body())
        deadline = CollectingDeadline.after(90)
        response = http.send("GET", server.url, headers={}, deadline=deadline, connect_seconds=5, max_bytes=10**6)
        chunks = response.chunks()
        next(chunks)

        def read() -> None:
            CancelsWhenCollected(deadline.cancel)
            with pytest.raises(http.Cancelled):
                next(chunks)

        assert ends(read)
        assert server.left.wait(30), "the connection was kept"


def test_abort_within_abort_does_not_deadlock() -> None:
    ours, theirs = socket.socketpair()
    guard = ConnectionGuard(ours)

    def collect(*_: object) -> Any:
        CancelsWhenCollected(guard.abort)
        gc.collect()
        return collect

    def abort() -> None:
        # Collect at every line of abort().
        sys.settrace(lambda frame, *_: collect if frame.f_code is ConnectionGuard.abort.__code__ else None)
        guard.abort()

    assert ends(abort)
    ours.close()
    theirs.close()
