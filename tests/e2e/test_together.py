"""Identical requests at once over four workers of 64 threads: one vendor call, and places for all."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

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


class Crowd:
    """Callers that ask for the same text at once; `served` counts those whose audio has begun."""

    def __init__(self, sayna: Gunicorn, pool: ThreadPoolExecutor, size: int, text: str) -> None:
        self.served = 0
        self._body = {"text": text, "provider": "deepgram", "audio_format": "linear16"}
        self._address = sayna.address
        self._together = threading.Barrier(size)
        self._counting = threading.Lock()
        self._callers = [pool.submit(self._ask) for _ in range(size)]

    def answers(self) -> list[tuple[int, str, int]]:
        """Return status, x-cache and bytes of each answer."""
        return [caller.result(60) for caller in self._callers]

    def _ask(self) -> tuple[int, str, int]:
        self._together.wait(60)
        with self._address.client() as client:
            response = client.begin("POST", "/speak", self._body, Accept="audio/pcm")
            with self._counting:
                self.served += response.status == 200
            return response.status, response.getheader("x-cache", ""), len(response.read())


@pytest.mark.parametrize("size", [200, PLACES])
def test_nobody_is_refused_while_threads_are_left(sayna: Gunicorn, vendor: Vendor, size: int) -> None:
    vendor.pause = 0.3
    with ThreadPoolExecutor(size) as pool:
        answers = Crowd(sayna, pool, size, "All at once").answers()
        assert Counter(status for status, _, _ in answers) == {200: size}
        assert {length for _, _, length in answers} == {len(vendor.whole)}
        assert Counter(outcome for _, outcome, _ in answers)["MISS"] == 1
        assert len(vendor.calls) == 1
        again = Crowd(sayna, pool, size, "All at once").answers()
        assert Counter(answer[:2] for answer in again) == {(200, "HIT"): size}
    assert len(vendor.calls) == 1


def test_hits_and_health_go_on_when_every_place_is_taken(sayna: Gunicorn, vendor: Vendor) -> None:
    assert sayna.address.speak("Known", provider="deepgram").status == 200
    vendor.go_on.clear()
    with ThreadPoolExecutor(PLACES) as pool:
        waiting = Crowd(sayna, pool, PLACES, "Held up")
        until(lambda: waiting.served == PLACES, 60, "every place is taken")
        for _ in range(8):
            assert is_refused(sayna)
            assert sayna.address.ask("GET", "/").status == 200
            assert sayna.address.speak("Known", provider="deepgram").headers["x-cache"] == "HIT"
        vendor.go_on.set()
        assert Counter(status for status, _, _ in waiting.answers()) == {200: PLACES}
    assert len([call for call in vendor.calls if call.text == "Held up"]) == 1


def is_refused(sayna: Gunicorn) -> bool:
    answer = sayna.address.ask("POST", "/speak", {"text": "One more", "provider": "deepgram", "request_timeout": 0.5})
    return (answer.status, answer.headers.get("retry-after")) == (503, "1")
