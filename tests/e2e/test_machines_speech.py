"""Speech over two machines of one server: paid for once, whole or broken off, never short."""

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import Gunicorn, answers, started
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Answer
from tests.storage.places import S3Place, s3_server

SECRET = "one-secret-for-all-machines-0123456789"
BURSTS, RACES = 20, 400
LONG = 80  # pieces, of a sound that is under way for seconds however slow the machine is
FORMATS = ("linear16", "wav", "mulaw", "mp3")


@dataclass(frozen=True, slots=True)
class Machines:
    """Two machines, their Redis and their vendor."""

    redis: Redis
    one: Gunicorn
    two: Gunicorn
    vendor: Vendor

    @property
    def both(self) -> tuple[Gunicorn, Gunicorn]:
        """The machines."""
        return self.one, self.two

    def calls(self, text: str) -> int:
        """Return how often the vendor was asked for a text."""
        return sum(call.text == text for call in list(self.vendor.calls))


@pytest.fixture
def machines(request: pytest.FixtureRequest, tmp_path: Path, server: StartServer, vendor: Vendor) -> Iterator[Machines]:
    program = getattr(request, "param", "redis-server")
    with ExitStack() as stack:
        clips: dict[str, str] = {}
        if program == "clips in S3":
            program = "redis-server"
            port = stack.enter_context(s3_server(tmp_path))
            clips = {**S3Place(port, "canary-clips").settings, "CLIPS_STORE": "recordings"}
        redis = Redis(tmp_path, program=program)
        stack.enter_context(started(redis, lambda: answers(redis.address)))
        shared = {**clips, **vendor.settings, "REDIS_URL": redis.url, "SAYNA_SECRET": SECRET}
        shared |= {"WEB_CONCURRENCY": "2", "WEB_THREADS": "128"}
        # A busy computer that lets Redis stand still must not look like a fault.
        shared["REDIS_TIMEOUT_SECONDS"] = "1.5" if "fault" in request.fixturenames else "10"
        machines = Machines(redis, server(**shared), server(**shared), vendor)
        for machine in machines.both:
            machine.await_workers(2)
        yield machines


def speak(machine: Gunicorn, text: str, audio_format: str = "linear16", cache: str = "") -> Answer | None:
    """Return the answer, or None when it broke off."""
    fields = {"text": text, "provider": "deepgram", "audio_format": audio_format}
    headers = {"Cache-Control": cache} if cache else {}
    try:
        return machine.address.ask("POST", "/speak", fields, Accept="audio/*", **headers)
    except (http.client.HTTPException, OSError):
        return None


def short(found: list[Answer | None], whole: bytes) -> int:
    """Return how many answers ended cleanly without their whole audio."""
    return sum(each is not None and each.status == 200 and each.body != whole for each in found)


def at_once(asks: Sequence[Callable[[], Answer | None]]) -> list[Answer | None]:
    """Return the answers to requests that begin together."""
    together = threading.Barrier(len(asks))

    def ask(each: Callable[[], Answer | None]) -> Answer | None:
        together.wait(60)
        return each()

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(ask, asks))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("machines", ["redis-server", "valkey-server"], indirect=True)
def test_identical_requests_on_two_machines_cost_one_call(machines: Machines) -> None:
    machines.vendor.pause = 0.02
    for number in range(BURSTS):
        text = f"Sentence {number}"
        found = at_once([partial(speak, machine, text) for machine in machines.both] * 100)
        assert Counter(each.status for each in found if each) == {200: 200}
        assert {each.body for each in found if each} == {machines.vendor.whole}
        assert machines.calls(text) == 1
        assert len({each.headers["etag"] for each in found if each}) == 1


def test_formats_of_one_sound_cost_one_call_on_two_machines(machines: Machines) -> None:
    machines.vendor.pause = 0.02
    asks = [partial(speak, machine, "Formats", each) for machine in machines.both for each in FORMATS]
    found = at_once(asks * 3)
    assert Counter(each.status for each in found if each) == {200: 24}
    assert machines.calls("Formats") == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("machines", ["redis-server", "clips in S3"], indirect=True)
def test_second_machine_a_moment_later_never_pays_again(machines: Machines) -> None:
    machines.vendor.pieces = 2
    randomly = random.Random(1)

    def race(number: int) -> None:
        text = f"Race {number}"
        first = threading.Thread(target=speak, args=(machines.both[number % 2], text))
        first.start()
        time.sleep(randomly.uniform(0, 0.03))
        answer = speak(machines.both[1 - number % 2], text)
        first.join()
        assert answer is not None
        assert answer.status == 200

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(RACES)))
    assert [number for number in range(RACES) if machines.calls(f"Race {number}") != 1] == []


def test_clip_of_one_machine_is_a_hit_on_the_other(machines: Machines) -> None:
    first = speak(machines.one, "Later")
    assert first is not None
    until(lambda: machines.redis.command("KEYS", "*:clip").startswith(b"*1"), 60, "the clip is shared")
    for cache in ("only-if-cached", ""):
        found = speak(machines.two, "Later", cache=cache)
        assert found is not None
        assert (found.status, found.headers["x-cache"], found.body) == (200, "HIT", first.body)
        assert found.headers["etag"] == first.headers["etag"]
    assert machines.calls("Later") == 1


def test_hit_asks_redis_nothing(machines: Machines) -> None:
    assert speak(machines.one, "Hit") is not None
    until(lambda: machines.redis.command("KEYS", "*:clip").startswith(b"*1"), 60, "the clip is shared")
    # What the machines still do with a clip that they have shared may fall into the first times.
    until(lambda: is_asked_nothing(machines), 60, "hits ask nothing")


def is_asked_nothing(machines: Machines) -> bool:
    before = asked(machines.redis)
    for _ in range(50):
        found = speak(machines.one, "Hit")
        assert found is not None
        assert found.headers["x-cache"] == "HIT"
    return asked(machines.redis) == before


def asked(redis: Redis) -> dict[bytes, bytes]:
    """Return how often each command was given, but for those by which a machine follows the others in peace."""
    rows = (line.split(b":") for line in redis.command("INFO", "commandstats").split(b"\r\n") if b"calls=" in line)
    calls = {name.removeprefix(b"cmdstat_"): values.split(b",")[0] for name, values in rows}
    return {name: number for name, number in calls.items() if name not in (b"xread", b"xrange", b"xlen", b"info")}


def test_replaced_clip_is_replaced_on_the_other_machine(machines: Machines) -> None:
    tags = {speak(machine, "Again").headers["etag"] for machine in machines.both}  # type: ignore[union-attr]
    assert len(tags) == 1
    renewed = speak(machines.one, "Again", cache="no-cache")
    assert renewed is not None
    tag = renewed.headers["etag"]
    assert tag not in tags
    until(lambda: speak(machines.two, "Again").headers["etag"] == tag, 60, "both have it")  # type: ignore[union-attr]
    assert machines.calls("Again") == 2


def is_followed(machines: Machines) -> bool:
    """Return whether a machine reads what the other one is sent."""
    return machines.redis.command("KEYS", "*:followers").startswith(b"*1")


@pytest.mark.parametrize("moment", ["early", "amid"])
@pytest.mark.parametrize("victim", ["worker", "machine"])
def test_killed_leader_leaves_no_short_answer(machines: Machines, victim: str, moment: str) -> None:
    vendor = machines.vendor
    vendor.pieces, vendor.pause = LONG, 0.1
    if moment == "early":
        vendor.go_on.clear()
    with ThreadPoolExecutor(80) as pool:
        leader = pool.submit(speak, machines.one, "Killed")
        until(lambda: machines.calls("Killed") == 1, 60, "the vendor is asked")
        others = [pool.submit(speak, machine, "Killed") for machine in machines.both * 20]
        until(lambda: is_followed(machines), 60, "the other machine follows")
        if victim == "worker":
            os.kill(machines.one.worker_of(vendor.calls[0].port), signal.SIGKILL)
        else:
            machines.one.signal_family(signal.SIGKILL)
        vendor.pause = 0.02
        vendor.go_on.set()
        found = [leader.result(60), *(each.result(60) for each in others)]
    assert short(found, vendor.whole) == 0
    assert {each.status for each in found if each} <= {200}
    assert machines.calls("Killed") <= 2
    again = speak(machines.two, "Killed")
    assert again is not None
    assert again.body == vendor.whole
    if victim == "machine":
        machines.one.wait()


@pytest.mark.parametrize("fault", ["killed", "paused", "silent", "emptied"])
@pytest.mark.parametrize("machines", ["redis-server", "valkey-server"], indirect=True)
def test_redis_that_fails_amid_leaves_no_short_answer(machines: Machines, fault: str) -> None:
    vendor = machines.vendor
    vendor.pieces, vendor.pause = LONG, 0.1
    with ThreadPoolExecutor(80) as pool:
        leader = pool.submit(speak, machines.one, "Amid")
        until(lambda: machines.calls("Amid") == 1, 60, "the vendor is asked")
        others = [pool.submit(speak, machine, "Amid") for machine in machines.both * 20]
        until(lambda: is_followed(machines), 60, "the other machine follows")
        if fault == "paused":
            machines.redis.command("CLIENT", "PAUSE", "2000", "ALL")
        elif fault == "emptied":
            machines.redis.command("FLUSHALL")
        else:
            machines.redis.signal(signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
        vendor.pause = 0.02
        # Speech of another sentence is not delayed.
        begun = time.monotonic()
        other = speak(machines.two, "Other")
        assert other is not None
        assert other.body == vendor.whole
        assert time.monotonic() - begun < 20
        found = [leader.result(60), *(each.result(60) for each in others)]
    # The machine that leads hears it whole.
    assert found[0] is not None
    assert short(found, vendor.whole) == 0
    assert all(each is not None and each.status == 200 for each in found[1::2])
    assert machines.calls("Amid") <= 2
    if fault == "silent":
        machines.redis.signal(signal.SIGCONT)
    if fault == "killed":
        machines.redis.wait()


def test_machine_that_stood_still_leads_no_more(machines: Machines) -> None:
    vendor = machines.vendor
    vendor.go_on.clear()
    with ThreadPoolExecutor(20) as pool:
        leader = pool.submit(speak, machines.one, "Still")
        until(lambda: machines.calls("Still") == 1 and vendor.calls[0].begun.is_set(), 60, "the vendor is asked")
        rider = pool.submit(speak, machines.two, "Still")
        until(lambda: is_followed(machines), 60, "the other one follows")
        machines.one.signal_family(signal.SIGSTOP)
        vendor.go_on.set()
        lost = rider.result(60)
        again = speak(machines.two, "Still")
        machines.one.signal_family(signal.SIGCONT)
        found = [lost, again, leader.result(60), speak(machines.one, "Still")]
    assert short(found, vendor.whole) == 0
    assert again is not None
    assert machines.calls("Still") == 2


def test_callers_that_hang_up_stop_nobody_on_the_other_machine(machines: Machines) -> None:
    vendor = machines.vendor
    vendor.go_on.clear()
    with machines.one.address.client() as client:
        fields = {"text": "Gone", "provider": "deepgram", "audio_format": "linear16"}
        client.begin("POST", "/speak", fields, Accept="audio/*")
        with ThreadPoolExecutor(1) as pool:
            rider = pool.submit(speak, machines.two, "Gone")
            until(lambda: is_followed(machines), 60, "the other one follows")
            client.close()
            vendor.go_on.set()
            found = rider.result(60)
    assert found is not None
    assert found.body == vendor.whole
    assert machines.calls("Gone") == 1
