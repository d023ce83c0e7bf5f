"""The catalogue over several workers."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import StartServer
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake
from tests.wire.server import Exchange


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def settings(deepgram: DeepgramFake) -> dict[str, str]:
    return {
        "DEEPGRAM_API_KEY": "good",
        "DEEPGRAM_BASE_URL": deepgram.url,
        "ESPEAK_ENABLED": "false",
        "WEB_CONCURRENCY": "3",
        "WEB_THREADS": "16",
    }


def test_many_callers_of_all_workers_cost_one_call(
    server: StartServer, settings: dict[str, str], deepgram: DeepgramFake
) -> None:
    address = server(**settings).address
    deepgram.then(answers.delayed(0.5, answers.as_json(deepgram.models)))
    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda number: address.ask("GET", "/voices"), range(72)))
    assert {answer.status for answer in found} == {200}
    assert len({(answer.body, answer.headers["etag"]) for answer in found}) == 1
    assert len(deepgram.hits) == 1


def test_worker_that_dies_while_it_asks_locks_nobody_out(
    server: StartServer, settings: dict[str, str], deepgram: DeepgramFake
) -> None:
    gunicorn = server(**settings)
    ports: list[int] = []
    asked = threading.Event()

    def never(exchange: Exchange) -> None:
        ports.append(exchange._sock.getpeername()[1])
        asked.set()
        exchange.hang()

    deepgram.then(never)
    with gunicorn.address.connect() as sock:
        sock.sendall(b"GET /voices HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(60)
        os.kill(gunicorn.worker_of(ports[0]), signal.SIGKILL)
        assert sock.recv(1) == b""
    assert gunicorn.address.ask("GET", "/voices").status == 200
    assert len(deepgram.hits) == 2
