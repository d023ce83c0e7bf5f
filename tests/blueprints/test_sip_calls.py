"""Calls after they have begun: their state, their end, and who is told of it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, bearer, failed
from tests.blueprints.telephones import PBX, dial, save
from tests.sip.inbound import Target, hook, joined, outbound, per_hook_secret, send_event, verified
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP, Reply

ALL = ["participant_joined", "call_ended"]


def state(client: FlaskClient, call: str = "SCL_1", tenant: str | None = None) -> TestResponse:
    return client.get(f"/sip/call/{call}", headers=bearer(tenant))


def leave(
    client: FlaskClient, telephones: FakeSipClient, reason: Any, *, event: str = "EV_9", name: str = "participant_left"
) -> int:
    phone = telephones.hang_up("lobby", "bob")
    phone.attributes["sip.callStatus"] = "hangup"
    status: int = send_event(client, outbound(name, event, phone, reason=reason)).status_code
    return status


def test_call_is_followed_from_dialing_to_its_end(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    assert dial(client).status_code == 200
    body = state(client).get_json()
    assert (body["status"], body["answered_at"], body["ended_at"], body["reason"]) == ("dialing", None, None, None)
    for word, shown in (("ringing", "ringing"), ("automation", "active"), ("active", "active")):
        telephones.set_status("lobby", "bob", word)
        assert state(client).get_json()["status"] == shown
    active = state(client).get_json()
    assert active["answered_at"] >= active["started_at"] > 1_700_000_000
    assert leave(client, telephones, "CLIENT_INITIATED") == 200
    ended = state(client).get_json()
    assert ended.keys() == {
        *("sip_call_id", "room_name", "participant_identity", "status", "reason", "sip_status"),
        *("started_at", "answered_at", "ended_at", "duration_seconds", "transfer"),
    }
    assert (ended["status"], ended["reason"], ended["answered_at"]) == ("ended", "hangup", active["answered_at"])
    assert ended["duration_seconds"] == ended["ended_at"] - ended["answered_at"]
    listed = client.get("/sip/call?room_name=lobby").get_json()
    assert listed == {"calls": [ended]}


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("USER_REJECTED", "rejected"),
        (12, "rejected"),
        ("USER_UNAVAILABLE", "unavailable"),
        ("DUPLICATE_IDENTITY", "replaced"),
        ("PARTICIPANT_REMOVED", "removed"),
        ("CONNECTION_TIMEOUT", "connection_lost"),
        ("SIP_TRUNK_FAILURE", "sip_trunk_failure"),
        (None, "ended"),
    ],
)
def test_reason_of_the_end_is_kept_and_logged(
    inbound: MakeClient,
    telephones: FakeSipClient,
    capsys: pytest.CaptureFixture[str],
    reason: Any,
    word: str,
) -> None:
    client = inbound(**PBX)
    dial(client)
    assert leave(client, telephones, reason) == 200
    assert state(client).get_json()["reason"] == word
    said = capsys.readouterr().err
    [line] = [line for line in map(json.loads, said.splitlines()) if line["event"] == "call_ended"]
    assert (line["sip_call_id"], line["reason"], line["duration_seconds"] >= 0) == ("SCL_1", word, True)
    assert "+1555" not in said


def test_aborted_phone_has_ended_too(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    dial(client)
    assert leave(client, telephones, None, name="participant_connection_aborted") == 200
    assert state(client).get_json()["status"] == "ended"


def test_phone_that_is_gone_has_ended_before_livekit_tells(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    dial(client)
    phone = telephones.hang_up("lobby", "bob")
    body = state(client).get_json()
    assert (body["status"], body["reason"]) == ("ended", "unknown")
    assert send_event(client, outbound("participant_left", "EV_9", phone, reason=11)).status_code == 200
    assert state(client).get_json()["reason"] == "unavailable"


def test_replaced_call_has_ended(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    dial(client)
    dial(client, replace=True)
    assert [state(client, f"SCL_{number}").get_json()["status"] for number in (1, 2)] == ["ended", "dialing"]
    listed = client.get("/sip/call?room_name=lobby").get_json()["calls"]
    assert [call["sip_call_id"] for call in listed] == ["SCL_2", "SCL_1"]


def test_state_is_not_answered_from_a_note(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    dial(client)
    telephones.script = lambda *_: DROP
    assert failed(state(client)) == (500, "LIVEKIT_UNAVAILABLE")


def test_late_event_of_a_join_keeps_the_answer(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    assert dial(client, wait_until_answered=True).get_json()["status"] == "answered"
    answered_at = state(client).get_json()["answered_at"]
    phone = telephones.hang_up("lobby", "bob")
    phone.attributes["sip.callStatus"] = "dialing"
    assert send_event(client, outbound("participant_joined", "EV_1", phone)).status_code == 200
    assert send_event(client, outbound("participant_left", "EV_2", phone, reason=1)).status_code == 200
    body = state(client).get_json()
    assert (body["status"], body["answered_at"]) == ("ended", answered_at)


def test_person_with_the_name_of_a_call_is_not_the_call(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX)
    dial(client)
    telephones.set_status("lobby", "bob", "active")
    assert state(client).get_json()["status"] == "active"
    telephones.hang_up("lobby", "bob")
    telephones.join("lobby", "bob", attributes={"sip.callID": "SCL_1", "sip.callStatus": "active"})
    assert state(client).get_json()["status"] == "ended"


@pytest.mark.parametrize("offset", [-50, 50])
def test_duration_does_not_depend_on_livekits_clock(
    inbound: MakeClient, telephones: FakeSipClient, offset: int
) -> None:
    client = inbound(**PBX)
    dial(client)
    phone = telephones.hang_up("lobby", "bob")
    phone.joined_at = int(time.time()) + offset
    left = outbound("participant_left", "EV_1", phone, reason=1, at=phone.joined_at + 10)
    for event in (outbound("participant_joined", "EV_0", phone, at=phone.joined_at), left):
        assert send_event(client, event).status_code == 200
    body = state(client).get_json()
    assert (body["duration_seconds"], body["ended_at"] - body["started_at"]) == (10, 10)


def test_calls_belong_to_their_tenant(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX, **AUTH)
    assert dial(client, "a").status_code == 200
    assert state(client, tenant="a").status_code == 200
    assert failed(state(client, tenant="b")) == (404, "CALL_NOT_FOUND")
    assert failed(state(client, "SCL_2", "a")) == (404, "CALL_NOT_FOUND")
    for tenant, count in (("a", 1), ("b", 0)):
        listed = client.get("/sip/call?room_name=lobby", headers=bearer(tenant)).get_json()["calls"]
        assert len(listed) == count


@pytest.mark.parametrize("query", ["", "?room_name=", "?room_name=a&room_name=b", "?room_name=" + "x" * 129])
def test_list_needs_one_room(inbound: MakeClient, query: str) -> None:
    assert failed(inbound().get(f"/sip/call{query}")) == (400, "INVALID_REQUEST")


def test_calls_survive_a_restart(inbound: MakeClient, telephones: FakeSipClient) -> None:
    dial(inbound(**PBX))
    assert state(inbound(**PBX)).get_json()["status"] == "dialing"


def test_event_before_the_answer_keeps_the_tenant(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX, **AUTH)
    early: list[int] = []

    def tell(method: str, message: Any) -> Reply | None:
        if method != "CreateSIPParticipant":
            return None
        telephones.script = lambda *_: None
        reply = telephones.answer(method, message)
        phone = telephones.people["lobby"][0]
        early.append(send_event(client, outbound("participant_joined", "EV_1", phone)).status_code)
        return reply

    telephones.script = tell
    first = dial(client, "a", key="k")
    assert (first.status_code, early) == (200, [200])
    assert state(client, tenant="a").get_json()["status"] == "dialing"


def test_end_reaches_hooks_that_ask_for_it(inbound: MakeClient, telephones: FakeSipClient, target: Target) -> None:
    client = inbound(**PBX, **AUTH)
    asking = {**hook(target, "a.example.com", "a", "/one"), "events": ["call_ended"]}
    silent = hook(target, "b.example.com", "a", "/two")
    assert save(client, asking, silent, tenant="a").get_json()["hooks"][0]["events"] == ["call_ended"]
    save(client, {**hook(target, "c.example.com", "b", "/three"), "events": ALL}, tenant="b")
    dial(client, "a")
    for _ in range(2):
        if telephones.people["lobby"]:
            assert leave(client, telephones, "USER_REJECTED") == 200
    [hit] = target.received(1)
    event = verified(hit, per_hook_secret("a"))
    assert (event.from_phone_number, event.to_phone_number) == ("+15550001", "+15550002")
    body = hit.json()
    assert (body["event"], body["sip_call_id"], body["reason"]) == ("call_ended", "SCL_1", "rejected")
    assert {"sip_status", "started_at", "answered_at", "ended_at", "duration_seconds", "transfer"} <= body.keys()
    assert (hit.path, len(target.hits)) == ("/one", 1)


def test_end_of_an_inbound_call_reaches_the_hook_of_its_domain(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH)
    for host in ("a.example.com", "b.example.com"):
        save(client, {**hook(target, host, "a", f"/{host}"), "events": ALL}, tenant="a")
    telephones.open("lobby")
    event = joined()
    assert send_event(client, event).status_code == 200
    left = {**event, "event": "participant_left", "id": "EV_2"}
    left["participant"] = {**left["participant"], "disconnectReason": 1}
    for _ in range(2):
        assert send_event(client, left).status_code == 200
    hits = target.received(2)
    assert [hit.json().get("event") for hit in hits] == [None, "call_ended"]
    assert {hit.path for hit in hits} == {"/a.example.com"}
    assert (hits[1].json()["from_phone_number"], hits[1].json()["sip_host"]) == ("+15559876543", "a.example.com")
    assert state(client, tenant="a").get_json()["reason"] == "hangup"
    assert failed(state(client, tenant="b")) == (404, "CALL_NOT_FOUND")


def test_hook_of_ends_alone_is_not_told_of_calls(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH)
    save(client, {**hook(target, auth_id="a"), "events": ["call_ended"]}, tenant="a")
    telephones.open("lobby")
    assert send_event(client, joined()).status_code == 200
    assert telephones.rooms["lobby"].metadata == '{"auth_id":"a"}'
    left = {**joined("EV_2"), "event": "participant_left"}
    assert send_event(client, left).status_code == 200
    assert [hit.json()["event"] for hit in target.received(1)] == ["call_ended"]


@pytest.mark.parametrize("events", [[], ["x"], "call_ended", [1], ["call_ended", "x"]])
def test_events_of_a_hook_are_checked(inbound: MakeClient, target: Target, events: Any) -> None:
    assert failed(save(inbound(), {**hook(target), "events": events})) == (400, "INVALID_REQUEST")


def test_events_of_a_hook_are_stored(inbound: MakeClient, target: Target, tmp_path: Path) -> None:
    client = inbound()
    save(client, {**hook(target), "events": ["call_ended", "participant_joined", "call_ended"]}, hook(target, "b.de"))
    first, second = client.get("/sip/hooks").get_json()["hooks"]
    assert first["events"] == ALL
    assert "events" not in second
    stored = json.loads((tmp_path / "cache" / "sip_hooks.json").read_text())
    assert [sorted(each) for each in stored] == [["auth_id", "events", "host", "url"], ["auth_id", "host", "url"]]


def test_end_is_sent_again_when_it_cannot_be_stored(
    inbound: MakeClient, telephones: FakeSipClient, target: Target, tmp_path: Path
) -> None:
    client = inbound(**PBX)
    save(client, {**hook(target), "events": ["call_ended"]})
    dial(client)
    phone = telephones.hang_up("lobby", "bob")
    file = tmp_path / "cache" / "sip" / "deliveries.sqlite"
    file.mkdir(mode=0o700)
    left = outbound("participant_left", "EV_9", phone, reason=1)
    assert send_event(client, left).status_code == 503
    file.rmdir()
    assert send_event(client, left).status_code == 200
    assert len(target.received(1)) == 1


@pytest.mark.parametrize(("host", "logged"), [("nobody.example.com", True), ("", False)])
def test_inbound_call_without_a_hook_is_logged(
    inbound: MakeClient, capsys: pytest.CaptureFixture[str], host: str, logged: bool
) -> None:
    attributes = {
        "sip.phoneNumber": "+15559876543",
        "sip.callID": "SCL_5",
        **({"sip.h.to": f"<sip:x@{host}>"} if host else {}),
    }
    assert send_event(inbound(), joined(attributes=attributes)).status_code == 200
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["host"] for line in lines if line["event"] == "call_without_hook"] == [host] * logged


def test_second_call_of_a_person_takes_one_slot(inbound: MakeClient, telephones: FakeSipClient) -> None:
    client = inbound(**PBX, SIP_MAX_CONCURRENT_CALLS="2")
    for _ in range(3):
        assert dial(client, replace=True).status_code == 200
    assert dial(client, participant_identity="eve").status_code == 200
    assert failed(dial(client, participant_identity="joe")) == (429, "TOO_MANY_CALLS")
