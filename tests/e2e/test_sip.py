"""Telephony on the real livekit-server 1.13.5 and several workers of the real gunicorn."""

import json
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.blueprints.rooms import AUTH, bearer
from tests.e2e.conftest import StartServer
from tests.e2e.livekit import LiveKitServer, Person
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import Gunicorn, answers, free_port, started
from tests.e2e.telephony import Exchange
from tests.e2e.wire import Address
from tests.livekit.events import encoded, signed
from tests.sip.inbound import SETTINGS, Target, joined, per_hook_secret, refuse, verified
from tests.wire.telephone import FakeSipClient

PBX = {"SIP_OUTBOUND_ADDRESS": "127.0.0.1:5070"}
# LiveKit waits for three seconds for a LiveKit SIP that is not there, and longer on a busy machine.
PATIENT = {"LIVEKIT_TIMEOUT_SECONDS": "25"}
CALL = {
    "participant_name": "Bob",
    "participant_identity": "bob",
    "from_phone_number": "+1",
    "to_phone_number": "+2",
}


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture
def exchange(tmp_path: Path, server: StartServer) -> Iterator[Exchange]:
    """Start Redis, LiveKit and Sayna; the trunk is provisioned while Sayna starts."""
    with ExitStack() as stack:
        redis = stack.enter_context(_redis(tmp_path))
        port = free_port()
        livekit = LiveKitServer(tmp_path, port, redis_port=redis.address.port)
        stack.enter_context(started(livekit, lambda: answers(livekit.address)))
        sayna = server(at=Address(port), **{**livekit.settings, **SETTINGS, **PBX, "LOG_FORMAT": "json", **PATIENT})
        yield Exchange(sayna, livekit)
        sayna.stop()


def _redis(folder: Path) -> Redis:
    redis = Redis(folder)
    return started(redis, lambda: answers(redis.address))


@pytest.fixture
def fake() -> Iterator[FakeSipClient]:
    with FakeSipClient() as fake:
        yield fake
    assert not fake.complaints


def logged(sayna: Gunicorn, event: str) -> list[dict[str, Any]]:
    return [line for line in sayna.records if line["event"] == event]


def hook(target: Target, host: str = "a.example.com", auth_id: str = "a") -> dict[str, str]:
    return {"host": host, "url": f"{target.url}/hook", "auth_id": auth_id}


def test_start_provisions_the_real_livekit_once_and_corrects_it_later(exchange: Exchange, server: StartServer) -> None:
    until(lambda: logged(exchange.sayna, "provisioned"), 60, "LiveKit is provisioned")
    [trunk] = exchange.sip_admin("ListSIPInboundTrunk")["items"]
    [rule] = exchange.sip_admin("ListSIPDispatchRule")["items"]
    assert (trunk["name"], trunk["allowed_addresses"]) == ("sayna-sip-trunk", ["127.0.0.1"])
    assert trunk["include_headers"] == "SIP_ALL_HEADERS"
    assert rule["trunk_ids"] == [trunk["sip_trunk_id"]]
    assert rule["rule"]["dispatch_rule_individual"]["room_prefix"] == "sip"
    same = server(**{**exchange.livekit.settings, **SETTINGS})
    until(lambda: logged(same, "provisioned"), 60, "it was looked at again")
    assert logged(same, "provisioned")[0]["done"] == []
    changed = {"SIP_ALLOWED_ADDRESSES": "10.0.0.0/8", "SIP_ROOM_PREFIX": "tel"}
    other = server(**{**exchange.livekit.settings, **SETTINGS, **changed})
    until(lambda: logged(other, "provisioned"), 60, "it was corrected")
    assert len(logged(other, "provisioned")[0]["done"]) == 2
    [after] = exchange.sip_admin("ListSIPInboundTrunk")["items"]
    assert (after["sip_trunk_id"], after["allowed_addresses"]) == (trunk["sip_trunk_id"], ["10.0.0.0/8"])
    [rule] = exchange.sip_admin("ListSIPDispatchRule")["items"]
    assert (rule["name"], rule["rule"]["dispatch_rule_individual"]["room_prefix"]) == (
        "sayna-tel-dispatch",
        "tel",
    )


def test_caller_in_a_real_room_becomes_an_event_that_the_sdk_takes_and_the_room_its_tenant_s(
    exchange: Exchange, target: Target
) -> None:
    assert exchange.ask("POST", "/sip/hooks", hooks=[hook(target)]).status == 200
    room = f"sip_+1555_{uuid.uuid4()}"
    with Person(exchange.livekit.url, exchange.caller_token(room, "sip_+1555")) as caller:
        caller.sees("connected")
        event = verified(target.received(1)[0], per_hook_secret("a"))
        assert (event.room.name, event.sip_host, event.room_prefix) == (room, "a.example.com", "sip")
        assert (event.participant.identity, event.participant.name) == ("sip_+1555", "Phone")
        assert event.from_phone_number == "+15559876543"
        [seen] = exchange.ask("GET", f"/livekit/rooms/{room}").json()["participants"]
        assert (seen["kind"], seen["identity"]) == ("SIP", "sip_+1555")
        body = {"room_name": room, "participant_identity": "sip_+1555", "transfer_to": "+1555"}
        for tenant, path, request, status, code in (
            ("b", "/sip/transfer", body, 404, "PARTICIPANT_NOT_FOUND"),
            ("b", "/sip/call", {"room_name": room, **CALL}, 404, "ROOM_ACCESS_DENIED"),
            ("b", "/sip/hooks", {"hooks": [hook(target, auth_id="b")]}, 409, "HOOK_TAKEN"),
            ("a", "/sip/transfer", {**body, "participant_identity": "nobody"}, 404, "PARTICIPANT_NOT_FOUND"),
        ):
            answer = exchange.ask("POST", path, tenant, **request)
            assert (answer.status, answer.json()["code"]) == (status, code), path
        # LiveKit looks a second long for a LiveKit SIP that is not there; on a busy machine that is too late.
        assert exchange.ask("POST", "/sip/transfer", **body).json().get("code", "TRANSFER_FAILED") == "TRANSFER_FAILED"
        until(lambda: logged(exchange.sayna, "transfer"), 60, "the outcome is logged")
        assert logged(exchange.sayna, "transfer")[0]["outcome"] == "unavailable"
        assert exchange.ask("GET", "/sip/hooks", "b").json() == {"hooks": []}
        assert exchange.ask("GET", f"/livekit/rooms/{room}", "b").status == 404
    assert len(target.hits) == 1


def test_ordinary_participant_with_a_caller_s_attributes_is_no_caller(exchange: Exchange, target: Target) -> None:
    assert exchange.ask("POST", "/sip/hooks", hooks=[hook(target)]).status == 200
    with Person(exchange.livekit.url, exchange.token("lobby")) as ann:
        ann.sees("connected")
        until(
            lambda: any(event["name"] == "participant_joined" for event in exchange.events()),
            60,
            "it is told",
        )
        body = {"room_name": "lobby", "participant_identity": "ann", "transfer_to": "+1555"}
        assert exchange.ask("POST", "/sip/transfer", **body).status == 404
    assert target.connections == 0


def test_call_fails_in_time_when_no_livekit_sip_is_there(exchange: Exchange) -> None:
    # A call that is not refused by LiveKit itself ends with another code.
    answer = exchange.ask("POST", "/sip/call", room_name="lobby", **CALL)
    assert (answer.status, answer.json()["code"]) == (500, "CALL_FAILED")
    assert exchange.ask("GET", "/livekit/rooms/lobby").json()["metadata"] == '{"auth_id":"a"}'


def deliver(sayna: Gunicorn, event: dict[str, Any]) -> int:
    """Send an event as LiveKit does."""
    body = encoded(event)
    status: int = sayna.address.ask("POST", "/livekit/webhook", body, Authorization=signed(body)).status
    return status


def test_what_was_accepted_is_delivered_after_kill_9(
    fake: FakeSipClient, server: StartServer, target: Target, tmp_path: Path
) -> None:
    target.always(refuse)
    settings = {**fake.settings, **SETTINGS, "CACHE_PATH": str(tmp_path / "kept"), "WEB_CONCURRENCY": "2"}
    first = server(**settings)
    first.await_workers(2)
    hooks = {"hooks": [hook(target, auth_id="")]}
    assert first.address.ask("POST", "/sip/hooks", hooks).status == 200
    assert deliver(first, joined()) == 200
    target.received(1)
    first.signal_family(signal.SIGKILL)
    first.wait()
    # It may have been tried again before.
    down = list(target.hits)
    target.always(taken_by_sdk)
    server(**settings)
    until(lambda: len(target.hits) > len(down), 60, "it is told again")
    assert {verified(hit).room.name for hit in target.hits} == {"lobby"}


def taken_by_sdk(exchange: Any) -> None:
    verified(exchange.hit)
    exchange.send(b"HTTP/1.1 204 Yes\r\n\r\n")


def test_events_over_many_workers_are_each_told_once_in_the_order_of_their_room(
    fake: FakeSipClient, server: StartServer, target: Target
) -> None:
    sayna = server(**fake.settings, **SETTINGS, WEB_CONCURRENCY="4", WEB_THREADS="4")
    assert sayna.address.ask("POST", "/sip/hooks", {"hooks": [hook(target, auth_id="")]}).status == 200

    def call(room: int) -> None:
        for number in range(5):
            event = joined(f"EV_{room}_{number}", room=f"{room}")
            assert deliver(sayna, event) == deliver(sayna, event) == 200

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(10)))
    ids = [hit.headers["x-sayna-event-id"] for hit in target.received(50)]
    assert len(set(ids)) == 50
    for room in range(10):
        mine = [each for each in ids if each.startswith(f"EV_{room}_")]
        assert mine == sorted(mine)


def test_tokens_and_calls_of_two_tenants_never_share_a_room(fake: FakeSipClient, server: StartServer) -> None:
    sayna = server(**fake.settings, **AUTH, **PBX, WEB_CONCURRENCY="4", WEB_THREADS="4", SIP_CALLS_PER_MINUTE="1000")

    def ask(path: str, tenant: str, room: str, barrier: threading.Barrier) -> tuple[str, int]:
        body = {"room_name": room, **CALL, "participant_identity": f"{tenant} {path}"}
        barrier.wait(60)
        return tenant, sayna.address.ask("POST", path, body, **bearer(tenant)).status

    def race(number: int) -> None:
        barrier = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            asked = [
                pool.submit(ask, path, tenant, f"room {number}", barrier)
                for path in ("/livekit/token", "/sip/call")
                for tenant in "ab"
            ]
        outcomes = [future.result() for future in asked]
        winners = {tenant for tenant, status in outcomes if status == 200}
        assert len(winners) == 1, outcomes
        assert Counter(status for _, status in outcomes) == {200: 2, 403: 1, 404: 1}
        owner = json.loads(fake.rooms[f"room {number}"].metadata)["auth_id"]
        assert winners == {owner}
        assert {info.identity[0] for info in fake.people[f"room {number}"]} == winners

    for number in range(30):
        race(number)
    assert len(fake.dialled) == 30


def test_hooks_written_over_all_workers_at_once_are_all_there(
    fake: FakeSipClient, server: StartServer, target: Target
) -> None:
    sayna = server(**fake.settings, **SETTINGS, WEB_CONCURRENCY="4", WEB_THREADS="8")
    together = threading.Barrier(20)

    def put(number: int) -> int:
        together.wait(60)
        one = hook(target, f"{number}.example.com", "")
        status: int = sayna.address.ask("POST", "/sip/hooks", {"hooks": [one]}).status
        return status

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(put, range(20))) == [200] * 20
    for _ in range(8):
        assert len(sayna.address.ask("GET", "/sip/hooks").json()["hooks"]) == 20


def test_dead_target_costs_a_worker_neither_memory_nor_livekit_s_patience(
    fake: FakeSipClient, server: StartServer, target: Target
) -> None:
    sayna = server(**fake.settings, **SETTINGS, WEB_CONCURRENCY="2", WEB_THREADS="4")
    sayna.await_workers(2)
    with Target() as dead:
        dead.always(lambda exchange: exchange.hang())
        hooks = [hook(dead, auth_id=""), hook(target, "b.example.com", "")]
        assert sayna.address.ask("POST", "/sip/hooks", {"hooks": hooks}).status == 200
        warm = [joined(f"W_{number}", room=f"w{number}") for number in range(50)]
        # At once, so that each worker has served some before its memory is measured.
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(partial(deliver, sayna), warm)) == {200}
        before, took = memory(sayna), []
        for number in range(300):
            begun = time.monotonic()
            assert deliver(sayna, joined(f"EV_{number}", room=f"{number}")) == 200
            took.append(time.monotonic() - begun)
        grown = max(now - then for now, then in zip(memory(sayna), before, strict=True))
        # A wait for the hook would be 5 s each time; a machine that stands still for a moment delays one or two.
        assert sorted(took)[-10] < 2
        assert grown < 20_000, f"{grown} kB"
        alive = joined("EV_alive", attributes={"sip.h.to": "<sip:1@b.example.com>"})
        assert deliver(sayna, alive) == 200
        # Behind the others it would wait for half an hour.
        target.received(1)
        sayna.signal(signal.SIGTERM)
        assert sayna.wait() == 0


def memory(sayna: Gunicorn) -> list[int]:
    """Return the kB that each worker holds."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in sorted(sayna.workers())]
    return [int(text.partition("VmRSS:")[2].split()[0]) for text in texts]
