"""Two machines on a network that is slow, and cut off: each answer is whole or broken off, and none is paid twice."""

import http.client
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import start_gunicorn
from tests.e2e.network import Network, loopback, namespaces
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import Gunicorn, answers, started
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Address, Answer

SECRET = "one-secret-for-all-machines-0123456789"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Two machines and their vendors, which a cut does not reach: one, or one in each network namespace."""

    network: Network
    machines: tuple[Gunicorn, Gunicorn]
    vendors: list[Vendor]

    def calls(self, text: str) -> int:
        """Return how often the vendors were asked for a text."""
        return sum(call.text == text for vendor in self.vendors for call in list(vendor.calls))


@pytest.fixture(params=[loopback, namespaces], ids=["loopback", "namespaces"])
def hosts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosts]:
    with ExitStack() as stack:
        socket = Address(path=tmp_path / "redis.sock")
        redis = Redis(tmp_path, "--unixsocket", str(socket.path))
        stack.enter_context(started(redis, lambda: answers(socket)))
        network: Network = stack.enter_context(request.param(tmp_path))
        vendors = [stack.enter_context(network.within(0, Vendor))]
        if network.inside[1]:
            # At the same address, because that is a part of what a sound is.
            port = vendors[0].server_port
            vendors.append(stack.enter_context(network.within(1, lambda: Vendor(port))))
        shared = {**vendors[0].settings, "SAYNA_SECRET": SECRET, "WEB_CONCURRENCY": "2", "WEB_THREADS": "32"}
        # A busy computer that lets Redis stand still must not look like a cut.
        shared["REDIS_TIMEOUT_SECONDS"] = "1.5" if "victim" in request.fixturenames else "10"
        one, two = (
            stack.enter_context(
                start_gunicorn(
                    tmp_path / f"machine-{number}",
                    at=Address(path=tmp_path / f"sayna-{number}.sock"),
                    inside=network.inside[number],
                    REDIS_URL=f"redis://{network.hosts[number]}:{network.ports[number]}",
                    **shared,
                )
            )
            for number in range(2)
        )
        yield Hosts(network, (one, two), vendors)
        assert [each for vendor in vendors for each in vendor.complaints] == []


def speak(machine: Gunicorn, text: str, cache: str = "") -> Answer | None:
    """Return the answer, or None when it broke off."""
    fields = {"text": text, "provider": "deepgram", "audio_format": "linear16"}
    headers = {"Cache-Control": cache} if cache else {}
    try:
        return machine.address.ask("POST", "/speak", fields, Accept="audio/*", **headers)
    except (http.client.HTTPException, OSError):
        return None


def is_whole(answer: Answer | None, hosts: Hosts) -> bool:
    return answer is not None and answer.status == 200 and answer.body == hosts.vendors[0].whole


def is_short(answer: Answer | None, hosts: Hosts) -> bool:
    """Return whether an answer ended cleanly without its whole audio."""
    return answer is not None and answer.status == 200 and answer.body != hosts.vendors[0].whole


def test_slow_network_costs_one_call(hosts: Hosts) -> None:
    for vendor in hosts.vendors:
        vendor.pause = 0.02
    for number in range(5):
        text = f"Sentence {number}"
        with ThreadPoolExecutor(40) as pool:
            found = [pool.submit(speak, machine, text) for machine in hosts.machines * 20]
        assert all(is_whole(each.result(), hosts) for each in found)
        assert hosts.calls(text) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", ["leader", "follower"])
def test_partition_leaves_no_short_answer(hosts: Hosts, victim: str) -> None:
    for vendor in hosts.vendors:
        # Under way for seconds, however slow the machine is.
        vendor.pieces, vendor.pause = 80, 0.1
    leading, following = hosts.machines
    with ThreadPoolExecutor(40) as pool:
        leader = pool.submit(speak, leading, "Cut")
        until(lambda: hosts.calls("Cut") == 1, 60, "the vendor is asked")
        others = [pool.submit(speak, machine, "Cut") for machine in hosts.machines * 10]
        # Both machines have sent audio by then.
        until(lambda: any(vendor.calls and vendor.calls[0].begun.is_set() for vendor in hosts.vendors), 60, "audio")
        heard: Future[Answer | None] = pool.submit(speak, following, "Cut")
        hosts.network.cut(0 if victim == "leader" else 1)
        for vendor in hosts.vendors:
            vendor.pause = 0.05
        cut_off = hosts.machines[0 if victim == "leader" else 1]
        begun = time.monotonic()
        assert is_whole(speak(cut_off, "Alone"), hosts)
        ready = cut_off.address.ask("GET", "/ready")
        assert (ready.status, ready.json()["checks"]["redis"]) == (200, "failed")
        assert time.monotonic() - begun < 30
        found = [leader.result(60), heard.result(60), *(each.result(60) for each in others)]
    assert not [each for each in found if is_short(each, hosts)]
    # The machine that leads has the vendor's audio itself.
    assert all(is_whole(each, hosts) for each in (found[0], *found[2::2]))
    # Each machine pays once at most: while they cannot see each other, each works for itself.
    assert hosts.calls("Cut") <= 2
    hosts.network.heal(0 if victim == "leader" else 1)
    until(lambda: cut_off.address.ask("GET", "/ready").json()["checks"]["redis"] == "ok", 60, "Redis is back")
    # A clip that Redis did not take in time is not shared later.
    later = (f"Later {number}" for number in range(100))
    until(lambda: is_shared(next(later), hosts), 60, "clips are shared again")


def is_shared(text: str, hosts: Hosts) -> bool:
    """Return whether a new clip of one machine is a hit on the other a moment later."""
    leading, following = hosts.machines
    assert is_whole(speak(following, text), hosts)
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        if is_whole(speak(leading, text, "only-if-cached"), hosts):
            return hosts.calls(text) == 1
        time.sleep(0.05)
    return False
