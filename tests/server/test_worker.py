"""What a worker does with the connections at its socket when accept(2) fails."""

import errno
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from selectors import DefaultSelector
from typing import Any

import pytest
from flask import Flask
from gunicorn.config import Config

from sayna.server.worker import BufferingWorker
from tests.e2e.program import until
from tests.threads import no_new_threads

GET = b"GET / HTTP/1.1\r\nHost: sayna\r\n\r\n"


class FailingListener(socket.socket):
    """A listener whose first calls of accept() fail with these errors; 0 is none."""

    def __init__(self, path: Path) -> None:
        super().__init__(socket.AF_UNIX)
        self.failures: list[int] = []
        self.bind(str(path))
        self.listen()

    def accept(self) -> tuple[socket.socket, Any]:
        """Fail, or accept."""
        if self.failures and (number := self.failures.pop(0)):
            raise OSError(number, "the test lets it fail")
        return super().accept()


class WithoutAccessLog(logging.Logger):
    """What a worker needs of gunicorn's logger, which would set up the loggers of the whole process."""

    def access(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[FailingListener]:
    with closing(FailingListener(tmp_path / "socket")) as listener:
        yield listener


@pytest.fixture
def worker(listener: FailingListener) -> Iterator[BufferingWorker]:
    """A worker that was told to stop: it serves what waits at its socket, and ends."""
    config, app = Config(), Flask(__name__)
    config.set("threads", 4)
    app.config["MAX_BODY_BYTES"] = 1024
    app.add_url_rule("/", view_func=lambda: "served")
    worker = BufferingWorker(1, os.getppid(), [listener], app, 30, config, WithoutAccessLog("worker"))
    worker.wsgi, worker.alive = app, False
    worker.tpool = worker.get_thread_pool()
    worker.poller = DefaultSelector()
    worker.method_queue.init()
    yield worker
    worker.tmp.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ECONNABORTED])
def test_failed_accept_resets_no_connection_that_waits(
    worker: BufferingWorker, listener: FailingListener, number: int
) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(socket.socket(socket.AF_UNIX))) for _ in range(4)]
        # The first one has sent nothing, so it is closed when the worker may open no more files.
        for client, request in zip(clients, (b"", GET, GET, GET), strict=True):
            client.connect(listener.getsockname())
            client.sendall(request)
        listener.failures = [0, number]

        worker.run()

        assert [client.recv(12) for client in clients[1:]] == [b"HTTP/1.1 200"] * 3


def test_worker_that_gets_no_new_thread_serves_with_those_it_has(
    worker: BufferingWorker, listener: FailingListener
) -> None:
    worker.tpool.submit(int).result()
    first = threading.Lock()

    def wait_for_another() -> str:
        if first.acquire(blocking=False):
            until(worker.tpool._work_queue.qsize, 60, "another request waits for the only thread")
        return "served"

    worker.wsgi.add_url_rule("/busy", view_func=wait_for_another)
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(socket.socket(socket.AF_UNIX))) for _ in range(4)]
        for client in clients:
            client.connect(listener.getsockname())
            client.sendall(GET.replace(b"/", b"/busy", 1))
        with no_new_threads():
            worker.run()

        assert [client.recv(12) for client in clients] == [b"HTTP/1.1 200"] * 4


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM, errno.EPROTO, errno.ENETDOWN, errno.EHOSTUNREACH])
def test_failed_accept_does_not_end_a_worker(worker: BufferingWorker, listener: FailingListener, number: int) -> None:
    listener.failures = [number]
    assert not worker.accept(listener)
    worker.run()
