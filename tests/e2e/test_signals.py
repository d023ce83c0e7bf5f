"""Stops, reloads and deaths, while requests are in flight."""

import http.client
import json
import os
import random
import signal
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.conftest import Site, StartServer
from tests.e2e.program import running, until
from tests.e2e.servers import ROOT, Gunicorn, answers
from tests.e2e.wire import Address

PCM = {"Accept": "audio/pcm"}


def speak(address: Address, text: str) -> bytes | None:
    """Return the audio of a whole 200, or nothing."""
    body = {"text": text, "provider": "deepgram", "audio_format": "linear16"}
    try:
        answer = address.ask("POST", "/speak", body, **PCM)
    except (http.client.HTTPException, ConnectionError):
        return None
    return answer.body if answer.status == 200 else None


def in_flight(site: Site, pool: ThreadPoolExecutor, texts: list[str]) -> dict[str, Future[bytes | None]]:
    """Ask for each text, and return when the vendor has begun every one and waits to go on."""
    site.vendor.go_on.clear()
    asked = {text: pool.submit(speak, site.public, text) for text in texts}
    until(lambda: sum(call.begun.is_set() for call in site.vendor.calls) == len(texts), 60, "all have begun")
    return asked


def test_sigterm_lets_every_request_in_flight_finish(site: Site) -> None:
    with ThreadPoolExecutor(24) as pool:
        asked = in_flight(site, pool, [f"text {number}" for number in range(24)])
        site.gunicorn.signal(signal.SIGTERM)
        until(lambda: not answers(site.direct), 30, "no new connection is taken")
        site.vendor.go_on.set()
        assert {clip.result() for clip in asked.values()} == {site.vendor.whole}

    assert site.gunicorn.wait() == 0


def test_sigterm_serves_the_connections_that_wait_at_the_socket(tmp_path: Path, server: StartServer) -> None:
    gunicorn = server(at=Address(path=tmp_path / "sayna.sock"), WEB_CONCURRENCY="1")
    [worker] = gunicorn.workers()
    os.kill(worker, signal.SIGSTOP)
    clients = [gunicorn.address.connect() for _ in range(5)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: sayna\r\n\r\n")
    gunicorn.signal(signal.SIGTERM)
    until(lambda: not answers(gunicorn.address), 30, "no new connection is taken")
    os.kill(worker, signal.SIGCONT)

    assert [client.recv(12) for client in clients] == [b"HTTP/1.1 200"] * 5
    for client in clients:
        client.close()
    assert gunicorn.wait() == 0


def keep_asking(address: Address, stop: threading.Event) -> list[str]:
    """Return what went wrong on a connection that is kept alive: nothing, one hopes."""
    wrong = []
    with address.client() as client:
        while not stop.is_set():
            for method, path, body in (("GET", "/", None), ("POST", "/speak", {"text": "cached"})):
                try:
                    outcome = str(client.ask(method, path, body).status)
                except (http.client.HTTPException, ConnectionError) as error:
                    client.close()
                    outcome = repr(error)
                if outcome != "200":
                    wrong.append(f"{method} {path}: {outcome}")
                # nginx must also have idle connections, which the old workers close.
                stop.wait(random.random() / 50)
    return wrong


def reload(gunicorn: Gunicorn) -> None:
    old = gunicorn.workers()
    gunicorn.signal(signal.SIGHUP)
    until(lambda: not running(old) and len(gunicorn.workers()) == 4, 90, "the workers are all new")


def test_three_reloads_lose_no_request(site: Site) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(keep_asking, site.public, stop) for _ in range(8)]
        try:
            for _ in range(3):
                reload(site.gunicorn)
        finally:
            stop.set()
    assert [wrong for lost in asking for wrong in lost.result()] == []


def test_a_reload_lets_every_request_in_flight_finish(site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = in_flight(site, pool, [f"text {number}" for number in range(8)])
        old = site.gunicorn.workers()
        site.gunicorn.signal(signal.SIGHUP)
        until(lambda: set(site.gunicorn.workers()) - set(old), 60, "new workers have begun")
        site.vendor.go_on.set()
        assert {clip.result() for clip in asked.values()} == {site.vendor.whole}


def test_a_reload_with_settings_that_are_not_usable_leaves_the_old_ones(tmp_path: Path, server: StartServer) -> None:
    file, old, new = tmp_path / "secrets.json", "old" * 12, "new" * 12

    def write(secret: str) -> None:
        file.write_text(json.dumps([{"id": "a", "secret": secret}]), "utf-8")

    write(old)
    gunicorn = server(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON_FILE=str(file))

    def status(secret: str) -> int:
        return gunicorn.address.ask("GET", "/voices", Authorization=f"Bearer {secret}").status

    assert (status(old), status(new)) == (200, 401)
    file.write_text("[", "utf-8")
    reload(gunicorn)
    assert (status(old), status(new)) == (200, 401)
    assert "AUTH_API_SECRETS_JSON is not JSON" in gunicorn.log
    write(new)
    reload(gunicorn)
    assert (status(old), status(new)) == (401, 200)


def test_a_reload_with_code_that_fails_leaves_the_old_one(tmp_path: Path, server: StartServer) -> None:
    (tmp_path / "wsgi.py").symlink_to(ROOT / "wsgi.py")
    gunicorn = server(PYTHONPATH=f"{tmp_path}:{ROOT}")
    (tmp_path / "wsgi.py").unlink()
    (tmp_path / "wsgi.py").write_text("raise OSError('no space left')\n", "utf-8")

    reload(gunicorn)

    assert gunicorn.address.ask("GET", "/voices").status == 200
    assert "no space left" in gunicorn.log


def test_a_killed_worker_takes_only_its_own_requests_along(site: Site) -> None:
    with ThreadPoolExecutor(16) as pool:
        asked = in_flight(site, pool, [f"text {number}" for number in range(16)])
        worker_of = {call.text: site.gunicorn.worker_of(call.port) for call in site.vendor.calls}
        victim = worker_of["text 0"]
        os.kill(victim, signal.SIGKILL)
        until(
            lambda: victim not in site.gunicorn.workers() and len(site.gunicorn.workers()) == 4,
            60,
            "there are 4",
        )
        site.vendor.go_on.set()
        lost = {text for text, clip in asked.items() if clip.result() != site.vendor.whole}

    assert lost == {text for text, worker in worker_of.items() if worker == victim}
    assert speak(site.public, f"another {uuid.uuid4().hex}") == site.vendor.whole


def test_nothing_outlives_a_killed_master(server: StartServer) -> None:
    gunicorn = server()
    # A worker that the master forks in its last moment is not among its family.
    gunicorn.await_workers(4)
    for number in range(8):
        assert gunicorn.address.speak(f"text {number}", provider="espeak").status == 200
    family = gunicorn.family()
    helpers = set(family) - {gunicorn.pid, *gunicorn.workers()}
    assert helpers, "the embedded engines have no processes of their own"

    gunicorn.signal(signal.SIGKILL)

    assert gunicorn.wait() == -signal.SIGKILL
    until(lambda: not running(family), 30, "workers and helpers are gone")


def test_a_worker_stops_that_is_told_to_before_it_has_begun(tmp_path: Path, server: StartServer) -> None:
    told = tmp_path / "told"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "def stop_the_first():\n"
        f"    if not os.path.exists('{told}'):\n"
        f"        with open('{told}', 'w') as file:\n"
        "            file.write(str(os.getpid()))\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "if 'gunicorn' in sys.orig_argv:\n"
        "    os.register_at_fork(after_in_child=stop_the_first)\n"
    )
    gunicorn = server(PYTHONPATH=f"{tmp_path}:{ROOT}", WEB_CONCURRENCY="1")

    until(lambda: not running([int(told.read_text())]), 30, "the first worker has ended")
    assert gunicorn.address.ask("GET", "/").status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_an_idle_server_stops_at_once_and_cleanly(server: StartServer, number: signal.Signals) -> None:
    gunicorn = server()
    assert gunicorn.address.speak("hello", provider="espeak").status == 200

    gunicorn.signal(number)

    # Far below the graceful timeout of 30 s, which it would need if something hung.
    assert gunicorn.wait(15) == 0
