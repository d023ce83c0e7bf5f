"""Calls that wait for their answer."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sayna.livekit.sip_client import ANSWER_MARGIN
from sayna.schemas.sip import MAX_RINGING
from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import failed
from tests.blueprints.telephones import PBX, dial
from tests.e2e.program import until
from tests.e2e.servers import ROOT
from tests.sip.inbound import outbound, send_event
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP, Reply, refusal


def ended(status: str, words: str) -> Reply:
    """Return LiveKit's answer for a call that the far end refused (livekit-sip 1.11.0)."""
    meta = {"sip_status": words, "sip_status_code": status}
    return refusal(429, "resource_exhausted", f"twirp error unknown: sip status: {status}: {words}", **meta)


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> MakeClient:
    return lambda **settings: make_client(**{**telephones.settings, **PBX, **settings})


def answer_dial(telephones: FakeSipClient, reply: Reply | None) -> None:
    telephones.script = lambda method, _: reply if method == "CreateSIPParticipant" else None


def test_answered_call_says_so(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make()
    for _ in range(2):
        answer = dial(client, key="k", wait_until_answered=True)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "answered")
    [asked] = telephones.dialled
    assert asked.wait_until_answered
    state = client.get("/sip/call/SCL_1").get_json()
    assert (state["status"], state["answered_at"] is not None) == ("active", True)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("486", "BUSY"),
        ("600", "BUSY"),
        ("480", "NO_ANSWER"),
        ("408", "NO_ANSWER"),
        ("487", "NO_ANSWER"),
        ("603", "DECLINED"),
        ("404", "CALL_FAILED"),
        ("503", "CALL_FAILED"),
    ],
)
def test_refusal_of_the_far_end_is_told_with_its_status(
    make: MakeClient, telephones: FakeSipClient, status: str, code: str
) -> None:
    client = make(SIP_MAX_CONCURRENT_CALLS="1")
    answer_dial(telephones, ended(status, "Words"))
    for _ in range(2):
        answer = dial(client, key="k", wait_until_answered=True)
        body = answer.get_json()
        assert (answer.status_code, body["code"], body["sip_status"]) == (422, code, int(status))
        assert "Words" not in answer.text
    assert telephones.calls.count("CreateSIPParticipant") == 1
    answer_dial(telephones, None)
    assert dial(client).status_code == 200


@pytest.mark.parametrize("offset", [-50, 0, 50])
def test_reason_of_a_refusal_is_in_the_calls_state(make: MakeClient, telephones: FakeSipClient, offset: int) -> None:
    client = make()

    def refuse(method: str, message: object) -> Reply | None:
        if method != "CreateSIPParticipant":
            return None
        telephones.script = lambda *_: None
        telephones.answer(method, message)
        telephones.set_status("lobby", "bob", "dialing")
        phone = telephones.hang_up("lobby", "bob")
        phone.joined_at = int(time.time()) + offset
        assert send_event(client, outbound("participant_joined", "EV_1", phone)).status_code == 200
        left = outbound("participant_left", "EV_2", phone, reason="USER_REJECTED")
        assert send_event(client, left).status_code == 200
        return ended("486", "Busy here")

    telephones.script = refuse
    assert dial(client, wait_until_answered=True).status_code == 422
    state = client.get("/sip/call/SCL_1").get_json()
    assert (state["status"], state["reason"], state["sip_status"]) == ("ended", "busy", 486)


@pytest.mark.parametrize("reply", [DROP, refusal(408, "deadline_exceeded", "request timed out")])
def test_call_whose_phone_is_gone_had_no_answer(make: MakeClient, telephones: FakeSipClient, reply: Reply) -> None:
    answer_dial(telephones, reply)
    answer = dial(make(), wait_until_answered=True, ringing_timeout=1)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "NO_ANSWER")


def test_refusal_that_is_late_is_still_read(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make()

    def late(method: str, _: object) -> Reply | None:
        # LiveKit SIP tells a few seconds after the ringing time that no phone answered.
        return None if method != "CreateSIPParticipant" or telephones.over.wait(3.5) else ended("480", "Unavailable")

    telephones.script = late
    body = dial(client, wait_until_answered=True, ringing_timeout=1).get_json()
    assert (body["code"], body.get("sip_status")) == ("NO_ANSWER", 480)


def test_second_waiting_call_of_an_identity_does_not_ring(make: MakeClient, telephones: FakeSipClient) -> None:
    app = make().application
    begun, answered = threading.Event(), threading.Event()

    def ring(method: str, _: object) -> None:
        if method == "CreateSIPParticipant":
            begun.set()
            answered.wait(30)

    telephones.script = ring
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(dial, app.test_client(), wait_until_answered=True)
        assert begun.wait(60)
        second = pool.submit(dial, app.test_client(), wait_until_answered=True)
        until(lambda: telephones.calls.count("GetParticipant") > 2, 60, "the room is looked at")
        telephones.join("lobby", "bob", kind=3, attributes={"sip.callID": "SCL_1", "sip.callStatus": "ringing"})
        assert failed(second.result()) == (409, "PARTICIPANT_EXISTS")
        answered.set()
        assert first.result().status_code == 200
    assert telephones.calls.count("CreateSIPParticipant") == 1


def test_call_whose_phone_is_still_there_is_unknown(make: MakeClient, telephones: FakeSipClient) -> None:
    telephones.join("lobby", "bob")
    answer_dial(telephones, refusal(408, "deadline_exceeded"))
    answer = dial(make(), wait_until_answered=True, replace=True)
    assert failed(answer) == (500, "CALL_FAILED")
    assert "did not say" in answer.get_json()["error"]


def test_missing_sip_service_is_no_refusal_of_the_phone(make: MakeClient, telephones: FakeSipClient) -> None:
    answer_dial(telephones, refusal(503, "unavailable", "no response from servers"))
    assert failed(dial(make(), wait_until_answered=True)) == (500, "CALL_FAILED")


def ring_until(telephones: FakeSipClient, answered: threading.Event) -> None:
    def wait(method: str, _: object) -> None:
        if method == "CreateSIPParticipant":
            answered.wait(30)

    telephones.script = wait


def test_waits_are_bounded_and_leave_hits_their_threads(make: MakeClient, telephones: FakeSipClient) -> None:
    app = make(WEB_THREADS="6").application
    text = {"text": "one two three"}
    assert app.test_client().post("/speak", json=text).status_code == 200
    answered = threading.Event()
    ring_until(telephones, answered)

    def call(number: int) -> int:
        return dial(app.test_client(), participant_identity=f"p{number}", wait_until_answered=True).status_code

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(call, number) for number in range(2)]
        until(lambda: telephones.calls.count("CreateSIPParticipant") == 2, 60, "both ring")
        refused = dial(app.test_client(), participant_identity="p9", wait_until_answered=True)
        assert failed(refused) == (503, "OVERLOADED")
        assert int(refused.headers["Retry-After"]) > 0
        hit = app.test_client().post("/speak", json=text)
        assert (hit.status_code, hit.headers["x-cache"]) == (200, "HIT")
        assert app.test_client().get("/").status_code == 200
        answered.set()
        assert [each.result() for each in waiting] == [200, 200]
    assert dial(app.test_client(), participant_identity="p9", wait_until_answered=True).status_code == 200


def test_waiting_call_holds_no_lock_of_its_key(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(LIVEKIT_TIMEOUT_SECONDS="2")
    client.get("/livekit/rooms")
    answered = threading.Event()
    ring_until(telephones, answered)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(dial, client, key="k", wait_until_answered=True)
        until(lambda: "CreateSIPParticipant" in telephones.calls, 60, "it rings")
        second = dial(client.application.test_client(), key="k", wait_until_answered=True)
        assert failed(second) == (500, "CALL_FAILED")
        assert "under way" in second.get_json()["error"]
        answered.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize("name", ["nginx.conf", "nginx-site.conf"])
def test_shipped_nginx_outlasts_a_phone_that_rings(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text("utf-8")
    found = re.search(r"location = /sip/call \{[^}]*proxy_read_timeout ([0-9]+)s;", text)
    # The time of one request to LiveKit comes on top, and LiveKit's own delay.
    assert found is not None
    assert int(found[1]) >= MAX_RINGING + 2 * ANSWER_MARGIN
