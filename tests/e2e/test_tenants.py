"""Tenants over several workers: a cap that all of them share, and a secret that is revoked by a reload."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import until
from tests.e2e.servers import Gunicorn, answers, free_port, started
from tests.e2e.wire import Address, Answer
from tests.wire import FaultServer
from tests.wire import answers as audio
from tests.wire.server import Exchange

PCM = bytes(range(250)) * 96
ENTRIES = [
    {"id": "a", "secret": "secret-of-a-0123456789", "characters_per_month": 1000},
    {"id": "b", "secret": "secret-of-b-0123456789"},
]


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.always(audio.whole(PCM))
        yield server


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps(ENTRIES))
    return file


@pytest.fixture
def sayna(tmp_path: Path, vendor: FaultServer, secrets: Path) -> Iterator[Gunicorn]:
    settings = {
        "AUTH_REQUIRED": "true",
        "AUTH_API_SECRETS_JSON_FILE": str(secrets),
        "WEB_CONCURRENCY": "4",
        "DEEPGRAM_API_KEY": "key",
        "DEEPGRAM_BASE_URL": vendor.url,
        # A worker that stands still for a moment leaves its share to the others.
        "WEB_THREADS": "208",
    }
    server = Gunicorn(tmp_path, Address(free_port()), settings)
    with started(server, lambda: answers(server.address)):
        server.await_workers(4)
        yield server


def ask(sayna: Gunicorn, method: str, path: str, body: Any = None, tenant: str = "a") -> Answer:
    return sayna.address.ask(method, path, body, Authorization=f"Bearer secret-of-{tenant}-0123456789")


def speak(sayna: Gunicorn, number: int) -> int:
    # Ten characters.
    return ask(sayna, "POST", "/speak", {"text": f"t{number:09}", "provider": "deepgram"}).status


def month(sayna: Gunicorn) -> tuple[int, int]:
    answer = json.loads(ask(sayna, "GET", "/usage").body)
    return answer["billed"], answer["saved"]


def test_cap_is_exact_for_callers_at_all_workers(sayna: Gunicorn, vendor: FaultServer) -> None:
    with ThreadPoolExecutor(200) as pool:
        statuses = list(pool.map(lambda number: speak(sayna, number), range(200)))
    assert Counter(statuses) == {200: 100, 429: 100}
    assert len(vendor.hits) == 100
    assert month(sayna) == (1000, 0)
    known = statuses.index(200)
    assert [speak(sayna, known) for _ in range(3)] == [200, 200, 200]
    until(lambda: month(sayna) == (1000, 30), 30, "saved characters are stored by each worker")
    before = set(sayna.workers())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(sayna.workers()) - before) == 4, 60, "the workers are replaced")
    sayna.await_workers(4)
    assert month(sayna) == (1000, 30)


def test_callers_with_quota_take_over_at_every_worker(sayna: Gunicorn, vendor: FaultServer) -> None:
    assert ask(sayna, "POST", "/speak", {"text": "t" * 1000, "provider": "deepgram"}).status == 200
    go_on, asked = threading.Event(), threading.Event()

    def slow(exchange: Exchange) -> None:
        asked.set()
        go_on.wait(60)
        audio.whole(PCM)(exchange)

    vendor.always(slow)
    with ThreadPoolExecutor(80) as pool:
        body = {"text": "together", "provider": "deepgram"}
        tenants = ["a", "b"] * 40
        futures = [pool.submit(ask, sayna, "POST", "/speak", body, tenant) for tenant in tenants]
        assert asked.wait(60)
        go_on.set()
        found = Counter((tenant, future.result(60).status) for tenant, future in zip(tenants, futures, strict=True))
    assert found["b", 200] == 40
    assert found["a", 200] + found["a", 429] == 40
    # One call for the text of 1000 characters, and one for all of these.
    assert len(vendor.hits) == 2


def test_reload_revokes_a_removed_secret_and_its_clips(sayna: Gunicorn, secrets: Path) -> None:
    body = {"text": "Hello", "provider": "espeak"}
    minted = [json.loads(ask(sayna, "POST", "/clips", body, tenant).body)["path"] for tenant in ("a", "b")]
    assert [sayna.address.ask("GET", path).status for path in minted] == [200, 200]
    secrets.write_text(json.dumps(ENTRIES[1:]))
    before = set(sayna.workers())
    sayna.signal(signal.SIGHUP)
    until(lambda: not before & set(sayna.workers()), 60, "the workers are replaced")
    sayna.await_workers(4)
    assert [ask(sayna, "GET", "/limits", None, tenant).status for tenant in ("a", "b")] == [401, 200]
    assert [sayna.address.ask("GET", path).status for path in minted] == [404, 200]
