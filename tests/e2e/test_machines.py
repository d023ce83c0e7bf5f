"""Two machines of one server: two gunicorns with a folder each, and one real Redis."""

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import ROOT, Gunicorn, Nginx, answers, rendered, started
from tests.e2e.test_sip import CALL, PBX, deliver, hook
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Address, Answer
from tests.livekit.events import encoded, signed
from tests.sip.inbound import SETTINGS, Target, joined
from tests.wire.telephone import FakeSipClient

SECRET = "one-secret-for-all-machines-0123456789"
EVENTS, ROOMS, KILLED_AFTER = 1000, 37, 300


@dataclass(frozen=True, slots=True)
class Machines:
    """A server of two machines."""

    redis: Redis
    one: Gunicorn
    two: Gunicorn
    livekit: FakeSipClient

    @property
    def both(self) -> tuple[Gunicorn, Gunicorn]:
        """The machines."""
        return self.one, self.two


@pytest.fixture
def fake() -> Iterator[FakeSipClient]:
    with FakeSipClient() as fake:
        yield fake
    assert not fake.complaints


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture
def start(tmp_path: Path, server: StartServer, fake: FakeSipClient) -> Iterator[Callable[..., Machines]]:
    """Start Redis and two machines with these settings."""
    redis = Redis(tmp_path, "--appendonly", "yes")
    with started(redis, lambda: answers(redis.address)):

        def machines(**env: str) -> Machines:
            shared = {**fake.settings, **SETTINGS, **PBX, "REDIS_URL": redis.url, "SAYNA_SECRET": SECRET}
            # A busy computer that lets Redis stand still must not look like a fault.
            shared |= {"WEB_CONCURRENCY": "2", "WEB_THREADS": "16", "REDIS_TIMEOUT_SECONDS": "10", **env}
            return Machines(redis, server(**shared), server(**shared), fake)

        yield machines


def call(machine: Gunicorn, room: str, identity: str = "bob", key: str = "") -> Answer:
    body = {"room_name": room, **CALL, "participant_identity": identity}
    return machine.address.ask("POST", "/sip/call", body, **({"Idempotency-Key": key} if key else {}))


def at_once(*asks: Callable[[], Answer]) -> list[Answer]:
    """Return the answers to requests that begin together."""
    together = threading.Barrier(len(asks))

    def ask(each: Callable[[], Answer]) -> Answer:
        together.wait(60)
        return each()

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(ask, asks))


def test_hook_saved_on_one_machine_is_known_on_the_other(start: Callable[..., Machines], target: Target) -> None:
    machines = start()
    for number, (one, other) in enumerate([machines.both, machines.both[::-1]], 1):
        saved = {"hooks": [hook(target, f"{number}.example.com", "")]}
        assert one.address.ask("POST", "/sip/hooks", saved).status == 200
        assert len(other.address.ask("GET", "/sip/hooks").json()["hooks"]) == number
    gone = machines.two.address.ask("DELETE", "/sip/hooks", {"hosts": ["1.example.com"]})
    assert gone.status == 200
    assert len(machines.one.address.ask("GET", "/sip/hooks").json()["hooks"]) == 1


def test_one_key_on_both_machines_at_once_rings_once(start: Callable[..., Machines]) -> None:
    machines = start(SIP_CALLS_PER_MINUTE="1000")
    for number in range(20):
        together = at_once(*(partial(call, each, f"r{number}", key=f"k{number}") for each in machines.both * 2))
        assert {answer.status for answer in together} == {200}
        assert len({answer.json()["sip_call_id"] for answer in together}) == 1
        assert len(machines.livekit.dialled) == number + 1


def test_calls_of_a_minute_are_counted_over_both_machines(start: Callable[..., Machines]) -> None:
    machines = start(SIP_CALLS_PER_MINUTE="10")
    asks = [partial(call, machines.both[number % 2], f"r{number}", f"bob{number}") for number in range(24)]
    assert Counter(answer.status for answer in at_once(*asks)) == {200: 10, 429: 14}
    assert len(machines.livekit.dialled) == 10


@pytest.mark.timeout(300)
def test_events_outlive_the_machine_that_delivers_them(start: Callable[..., Machines], target: Target) -> None:
    machines = start()
    hooks = [hook(target, f"{number}.example.com", "") for number in range(4)]
    assert machines.one.address.ask("POST", "/sip/hooks", {"hooks": hooks}).status == 200

    assert deliver(machines.one, _event(0)) == 200
    until(lambda: any(map(_has_delivered, machines.both)), 60, "one machine delivers")
    [delivers, other] = sorted(machines.both, key=_has_delivered, reverse=True)

    def send(room: int) -> None:
        with other.address.client() as client:
            for number in range(room, EVENTS, ROOMS):
                body = encoded(_event(number))
                assert client.ask("POST", "/livekit/webhook", body, Authorization=signed(body)).status == 200

    def kill() -> None:
        until(lambda: len(target.hits) >= KILLED_AFTER, 120, "the first events are delivered")
        delivers.signal_family(signal.SIGKILL)
        delivers.wait()

    with ThreadPoolExecutor(9) as pool:
        killed = pool.submit(kill)
        list(pool.map(send, range(ROOMS)))
        killed.result()
    until(lambda: len(set(_ids(target))) == EVENTS, 200, "every event is delivered")
    first_times = list(dict.fromkeys(_ids(target)))
    for room in range(ROOMS):
        mine = [each for each in first_times if int(each[3:]) % ROOMS == room]
        assert mine == sorted(mine)
    # At least once: what was under way when the machine died comes again.
    assert len(_ids(target)) - EVENTS <= 64


def _ids(target: Target) -> list[str]:
    return [hit.headers["x-sayna-event-id"] for hit in list(target.hits)]


def _has_delivered(machine: Gunicorn) -> bool:
    return '"event": "delivery"' in machine.log


def _event(number: int) -> dict[str, Any]:
    room = number % ROOMS
    called = {"sip.h.to": f"<sip:1@{room % 4}.example.com>"}
    return joined(f"EV_{number:04}", room=f"{room}", attributes=called)


@pytest.mark.parametrize("fault", ["killed", "silent"])
def test_without_redis_speech_goes_on_and_calls_wait(
    start: Callable[..., Machines], fault: str, target: Target
) -> None:
    machines = start(REDIS_TIMEOUT_SECONDS="1.5")
    saved = {"hooks": [hook(target, auth_id="")]}
    until(lambda: machines.one.address.ask("POST", "/sip/hooks", saved).status == 200, 60, "the hook is saved")
    until(lambda: machines.one.address.ask("GET", "/ready").json()["checks"]["redis"] == "ok", 60, "Redis is used")
    machines.redis.signal(signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
    for machine in machines.both:
        begun = time.monotonic()
        ready = machine.address.ask("GET", "/ready")
        assert (ready.status, ready.json()["checks"]["redis"]) == (200, "failed")
        assert machine.address.speak("Hello").status == 200
        for key in ("", "k"):
            answer = call(machine, "room", key=key)
            assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (
                503,
                "STORE_UNAVAILABLE",
                "1",
            )
        assert deliver(machine, joined()) == 503
        assert machine.address.ask("POST", "/sip/hooks", saved).status == 503
        # Nothing waited for longer than the timeouts of a few questions.
        assert time.monotonic() - begun < 30
        assert "Traceback" not in machine.log
    assert machines.livekit.dialled == []
    if fault == "killed":
        machines.redis.wait()
        return
    machines.redis.signal(signal.SIGCONT)
    until(lambda: call(machines.two, "room", key="k").status == 200, 60, "calls go on")
    assert len(machines.livekit.dialled) == 1
    # LiveKit sends the event again after a 503, too.
    until(lambda: deliver(machines.one, joined()) == 200, 60, "events are taken")
    target.received(1)


def test_without_redis_nginx_sends_one_sentence_to_one_machine(
    tmp_path: Path, server: StartServer, vendor: Vendor
) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    sockets = [Address(path=folder / f"sayna-{number}.sock") for number in (1, 2)]
    machines = [server(at=address, **vendor.settings) for address in sockets]
    front = Nginx(folder, folder / "sayna.sock", _two_machines)
    with started(front, lambda: answers(front.address)):
        for number in range(4):
            together = at_once(*[partial(front.address.speak, f"Sentence {number}", provider="deepgram")] * 30)
            assert {answer.status for answer in together} == {200}
        assert sorted(call.text for call in vendor.calls) == [f"Sentence {number}" for number in range(4)]
        machines[0].stop()
        for number in range(4):
            assert front.address.speak(f"Sentence {number}", provider="deepgram").status == 200


def _two_machines(folder: Path, upstream: Path, port: int) -> Path:
    """Return the configuration that deploy/nginx-fleet.sed makes of the shipped one."""
    path = rendered(folder, upstream, port)
    script = (ROOT / "deploy" / "nginx-fleet.sed").read_text("utf-8").replace("/run/sayna/", f"{folder}/")
    (folder / "fleet.sed").write_text(script)
    made = subprocess.run(["sed", "-E", "-f", folder / "fleet.sed", path], capture_output=True, text=True, check=True)
    assert made.stdout.count("server unix:") == 2
    path.write_text(made.stdout)
    return path
