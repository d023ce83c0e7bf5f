"""Identical requests at once over four workers of 64 threads: one vendor call, and places for all."""

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.program import until
from tests.e2e.servers import Gunicorn
from tests.e2e.vendor import Vendor

WORKERS, THREADS = 4, 64
PLACES = WORKERS * (THREADS - 8)
SETTINGS = {"WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS)}


@pytest.fixture
def sayna(server: StartServer, vendor: Vendor) -> Gunicorn:
    sayna = server(**SETTINGS, **vendor.settings)
    sayna.await_workers(WORKERS)
    return sayna


def ask(sayna: Gunicorn, text: str, together: threading.Barrier) -> tuple[int, str, int]:
    together.wait(30)
    response = sayna.address.speak(text, provider="deepgram", audio_format="linear16")
    return response.status, response.headers.get("x-cache", ""), len(response.body)


def crowd(sayna: Gunicorn, pool: ThreadPoolExecutor, size: int, text: str) -> list["Future[tuple[int, str, int]]"]:
    together = threading.Barrier(size)
    return [pool.submit(ask, sayna, text, together) for _ in range(size)]


@pytest.mark.parametrize("size", [200, PLACES])
def test_nobody_is_refused_while_threads_are_left(sayna: Gunicorn, vendor: Vendor, size: int) -> None:
    vendor.pause = 0.3
    with ThreadPoolExecutor(size) as pool:
        answers = [each.result(60) for each in crowd(sayna, pool, size, "All at once")]
        assert Counter(status for status, _, _ in answers) == {200: size}
        assert {length for _, _, length in answers} == {len(vendor.whole)}
        assert Counter(outcome for _, outcome, _ in answers)["MISS"] == 1
        assert len(vendor.calls) == 1
        again = [each.result(60) for each in crowd(sayna, pool, size, "All at once")]
        assert Counter(answer[:2] for answer in again) == {(200, "HIT"): size}
    assert len(vendor.calls) == 1


def test_hits_and_health_go_on_when_every_place_is_taken(sayna: Gunicorn, vendor: Vendor) -> None:
    assert sayna.address.speak("Known", provider="deepgram").status == 200
    vendor.go_on.clear()
    with ThreadPoolExecutor(PLACES) as pool:
        waiting = crowd(sayna, pool, PLACES, "Held up")
        until(lambda: is_refused(sayna), 30, "every place is taken")
        for _ in range(8):
            assert is_refused(sayna)
            assert sayna.address.ask("GET", "/").status == 200
            assert sayna.address.speak("Known", provider="deepgram").headers["x-cache"] == "HIT"
        vendor.go_on.set()
        assert Counter(each.result(60)[0] for each in waiting) == {200: PLACES}
    assert len([call for call in vendor.calls if call.text == "Held up"]) == 1


def is_refused(sayna: Gunicorn) -> bool:
    """Return whether another text is refused; a place that it finds is free again after half a second."""
    answer = sayna.address.ask("POST", "/speak", {"text": "One more", "provider": "deepgram", "request_timeout": 0.5})
    return (answer.status, answer.headers.get("retry-after")) == (503, "1")
