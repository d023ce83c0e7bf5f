"""A rolling deploy of two machines under load: no request fails, and what is under way is paid for once."""

import http.client
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import start_gunicorn
from tests.e2e.program import running, until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import ROOT, Gunicorn, Nginx, answers, rendered, started
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Address, Answer

SECRET = "one-secret-for-all-machines-0123456789"
CLIENTS, LISTENERS = 6, 8


@dataclass(slots=True)
class Site:
    """Two machines behind nginx; `run` has the program of each, as a deploy replaces it."""

    folder: Path
    settings: dict[str, str]
    front: Nginx
    vendor: Vendor
    stack: ExitStack
    run: list[Gunicorn]

    def start(self, number: int) -> None:
        """Start the machine again, with its cache, at its address."""
        old = self.run[number]
        folder = self.folder / f"again-{number}"
        settings = {**self.settings, "CACHE_PATH": str(old.cache)}
        self.run[number] = new = self.stack.enter_context(start_gunicorn(folder, at=old.address, **settings))
        # nginx asks a machine that has failed again after fail_timeout: only then may the other machine stop.
        until(lambda: '"route": "/speak"' in new.log, 60, "the balancer uses it again")


def fleet_config(folder: Path, upstream: Path, port: int) -> Path:
    """Return the configuration that deploy/nginx-fleet.sed makes of the shipped one."""
    path = rendered(folder, upstream, port)
    script = (ROOT / "deploy" / "nginx-fleet.sed").read_text("utf-8").replace("/run/sayna/", f"{folder}/")
    (folder / "fleet.sed").write_text(script)
    made = subprocess.run(["sed", "-E", "-f", folder / "fleet.sed", path], capture_output=True, text=True, check=True)
    assert made.stdout.count("server unix:") == 2
    path.write_text(made.stdout)
    return path


@pytest.fixture
def site(tmp_path: Path, vendor: Vendor) -> Iterator[Site]:
    (folder := tmp_path / "nginx").mkdir()
    with ExitStack() as stack:
        redis = Redis(tmp_path)
        stack.enter_context(started(redis, lambda: answers(redis.address)))
        # The deploy is tried here, and no pause of Redis: this machine may be busy.
        settings = {**vendor.settings, "REDIS_URL": redis.url, "REDIS_TIMEOUT_SECONDS": "10", "SAYNA_SECRET": SECRET}
        settings |= {"WEB_CONCURRENCY": "2", "WEB_THREADS": "32"}
        run = [
            stack.enter_context(
                start_gunicorn(
                    tmp_path / f"machine-{number}", at=Address(path=folder / f"sayna-{number}.sock"), **settings
                )
            )
            for number in (1, 2)
        ]
        front = Nginx(folder, folder / "sayna.sock", fleet_config)
        stack.enter_context(started(front, lambda: answers(front.address)))
        yield Site(tmp_path, settings, front, vendor, stack, run)


def speak(address: Address, text: str) -> str:
    """Return what became of a request: `whole`, or what is wrong with it."""
    body = {"text": text, "provider": "deepgram", "audio_format": "linear16"}
    try:
        answer: Answer = address.ask("POST", "/speak", body, Accept="audio/pcm")
    except (http.client.HTTPException, OSError) as error:
        return repr(error)
    is_whole = answer.status == 200 and len(answer.body) == 20 * 4800
    return "whole" if is_whole else f"{answer.status} with {len(answer.body)} bytes"


def keep_asking(site: Site, number: int, stop: threading.Event) -> list[str]:
    """Return what went wrong with sentences of one client: old ones and new ones."""
    wrong, asked, randomly = [], 0, random.Random(number)
    while not stop.is_set():
        asked += 1
        text = f"New {number}-{asked}" if asked % 4 == 0 else f"Old {randomly.randrange(12)}"
        if (outcome := speak(site.front.address, text)) != "whole":
            wrong.append(f"{text}: {outcome}")
        stop.wait(randomly.random() / 25)
    return wrong


def under_way(site: Site, pool: ThreadPoolExecutor, name: str, *machines: Gunicorn) -> list[Future[str]]:
    """Ask the balancer and these machines for one sentence, and return once its first audio was sent."""
    addresses = [site.front.address, *(each.address for each in machines)]
    asked = [pool.submit(speak, addresses[number % len(addresses)], name) for number in range(LISTENERS)]
    until(
        lambda: any(call.text == name and call.begun.is_set() for call in list(site.vendor.calls)), 60, "it has begun"
    )
    return asked


@pytest.mark.timeout(400)
def test_rolling_deploy_fails_no_request_and_pays_nothing_twice(site: Site) -> None:
    site.vendor.pause = 0.05
    stop, names = threading.Event(), []
    with ThreadPoolExecutor(CLIENTS + LISTENERS) as pool:
        clients = [pool.submit(keep_asking, site, number, stop) for number in range(CLIENTS)]
        try:
            for number, machine in enumerate(list(site.run)):
                names.append(f"Reload {number}")
                asked = under_way(site, pool, names[-1], *site.run)
                old = machine.workers()
                machine.signal(signal.SIGHUP)
                assert {each.result(60) for each in asked} == {"whole"}
                until(lambda: not running(old) and len(machine.workers()) == 2, 60, "the workers are new")  # noqa: B023

                names.append(f"Stop {number}")
                asked = under_way(site, pool, names[-1], site.run[1 - number])
                machine.signal(signal.SIGTERM)
                assert {each.result(60) for each in asked} == {"whole"}
                assert machine.wait() == 0
                site.start(number)
        finally:
            stop.set()
        assert [wrong for client in clients for wrong in client.result(60)] == []
    calls = [call.text for call in site.vendor.calls]
    assert {name: calls.count(name) for name in names} == dict.fromkeys(names, 1)
    # Of all sentences: a machine that stops hands over what it stored, so that none is paid for twice.
    assert sorted(calls) == sorted(set(calls))
