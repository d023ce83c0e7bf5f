import contextlib
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A, failed
from tests.blueprints.telephones import PBX, dial, transfer
from tests.e2e.program import until
from tests.wire.telephone import SIP, FakeSipClient
from tests.wire.twirp import DROP, HTML, NO_PARTICIPANT, Reply, refusal


@pytest.fixture
def talking(telephones: FakeSipClient) -> FakeSipClient:
    telephones.open("lobby", OWNED_BY_A)
    telephones.join("lobby", "bob", kind=SIP)
    telephones.join("lobby", "ann")
    return telephones


def test_quick_transfer_is_completed(talking: FakeSipClient, make_client: MakeClient) -> None:
    answer = transfer(make_client(**talking.settings, **AUTH), "a", transfer_to=" +15550003 ")
    assert (answer.status_code, answer.get_json()) == (
        200,
        {
            "status": "completed",
            "room_name": "lobby",
            "participant_identity": "bob",
            "transfer_to": "tel:+15550003",
        },
    )
    [sent] = talking.transfers
    assert (sent.room_name, sent.participant_identity) == ("lobby", "bob")
    assert (sent.transfer_to, sent.ringing_timeout.seconds) == ("tel:+15550003", 30)


@pytest.mark.parametrize(
    ("outcome", "logged"), [(None, "completed"), (refusal(400, "aborted"), "aborted"), (DROP, "unavailable")]
)
def test_outcome_of_a_slow_transfer_is_logged(
    talking: FakeSipClient,
    make_client: MakeClient,
    capsys: pytest.CaptureFixture[str],
    outcome: Reply | None,
    logged: str,
) -> None:
    taken = threading.Event()

    def slow(method: str, _: object) -> Reply | None:
        if method != "TransferSIPParticipant":
            return None
        taken.wait(20)
        return outcome

    client = make_client(**talking.settings)
    # The first request loads livekit-api, which may take a good part of the two seconds.
    client.get("/livekit/rooms")
    talking.script = slow
    # LiveKit answers only after this response, so "initiated" means that it was not waited for.
    assert transfer(client).get_json()["status"] == "initiated"
    taken.set()
    lines = ""

    def is_logged() -> bool:
        nonlocal lines
        lines += capsys.readouterr().err
        return '"outcome"' in lines

    until(is_logged, 30, "the outcome is logged")
    [event] = [line for line in map(json.loads, lines.splitlines()) if line["event"] == "transfer"]
    assert event["outcome"] == logged
    assert "+1555" not in lines


@pytest.mark.parametrize(
    ("tenant", "change"),
    [
        ("b", {}),
        ("a", {"participant_identity": "ann"}),
        ("a", {"participant_identity": "eve"}),
        ("a", {"room_name": "elsewhere"}),
    ],
)
def test_only_phones_in_rooms_of_the_caller_are_found(
    talking: FakeSipClient, make_client: MakeClient, tenant: str, change: dict[str, str]
) -> None:
    answer = transfer(make_client(**talking.settings, **AUTH), tenant, **change)
    assert failed(answer) == (404, "PARTICIPANT_NOT_FOUND")
    assert talking.transfers == []


@pytest.mark.parametrize("reply", [refusal(400, "invalid_argument"), NO_PARTICIPANT, HTML, DROP])
def test_transfer_fails_when_livekit_refuses_it(talking: FakeSipClient, make_client: MakeClient, reply: Reply) -> None:
    talking.script = lambda method, _: reply if method == "TransferSIPParticipant" else None
    assert failed(transfer(make_client(**talking.settings))) == (500, "TRANSFER_FAILED")
    assert talking.calls.count("TransferSIPParticipant") == 1


def test_transfer_fails_while_livekit_hangs(talking: FakeSipClient, make_client: MakeClient) -> None:
    talking.script = lambda *_: talking.hang()
    assert failed(transfer(make_client(**talking.settings))) == (500, "TRANSFER_FAILED")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"transfer_to": "sip:x"}, "INVALID_SIP_ADDRESS"),
        ({"transfer_to": "sip:x@y:99999"}, "INVALID_SIP_ADDRESS"),
        ({"transfer_to": "sip:x;y@z"}, "INVALID_SIP_ADDRESS"),
        ({"transfer_to": "sip:x@[::1]"}, "INVALID_SIP_ADDRESS"),
        ({"transfer_to": "sips:x@y"}, "INVALID_PHONE_NUMBER"),
        ({"transfer_to": "tel:x"}, "INVALID_PHONE_NUMBER"),
        ({"transfer_to": ""}, "INVALID_REQUEST"),
        ({"room_name": ""}, "INVALID_REQUEST"),
        ({"participant_identity": None}, "INVALID_REQUEST"),
    ],
)
def test_transfer_is_checked(
    talking: FakeSipClient, make_client: MakeClient, change: dict[str, str], code: str
) -> None:
    assert failed(transfer(make_client(**talking.settings), **change)) == (400, code)
    assert talking.calls == []


BUSY = refusal(
    429, "resource_exhausted", "twirp error unknown: call transfer failed: sip status: 486", sip_status_code="486"
)


@pytest.mark.parametrize(
    "case",
    [
        (BUSY, "busy (486)", 486),
        (refusal(403, "permission_denied", "sip status: 603", sip_status_code="603"), "declined (603)", 603),
        (refusal(408, "deadline_exceeded", "request timed out"), "deadline_exceeded", None),
        (refusal(500, "unknown", "x", sip_status_code="abc"), "unknown", None),
    ],
)
def test_failed_transfer_says_why(
    talking: FakeSipClient,
    make_client: MakeClient,
    capsys: pytest.CaptureFixture[str],
    case: tuple[Reply, str, int | None],
) -> None:
    reply, word, status = case
    talking.script = lambda method, _: reply if method == "TransferSIPParticipant" else None
    answer = transfer(make_client(**talking.settings))
    body = answer.get_json()
    assert (answer.status_code, body["code"], body.get("sip_status")) == (500, "TRANSFER_FAILED", status)
    assert word in body["error"]
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    assert [line["outcome"] for line in lines if line["event"] == "transfer"] == [word]


@pytest.mark.parametrize("status", ["dialing", "ringing"])
def test_phone_that_rings_is_not_transferred(talking: FakeSipClient, make_client: MakeClient, status: str) -> None:
    talking.people["lobby"][0].attributes["sip.callStatus"] = status
    client = make_client(**talking.settings)
    assert failed(transfer(client)) == (409, "CALL_NOT_ANSWERED")
    assert talking.transfers == []
    talking.set_status("lobby", "bob", "active")
    assert transfer(client).status_code == 200


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("tel:+15550003", "tel:+15550003"),
        (" TEL:123 ", "tel:123"),
        ("sip:+15550003@pbx.example.com", "sip:+15550003@pbx.example.com"),
        ("SIP:alice.b@PBX.example.com:5070;transport=TCP", "sip:alice.b@PBX.example.com:5070;transport=tcp"),
    ],
)
def test_transfer_goes_to_numbers_and_sip_addresses(
    talking: FakeSipClient, make_client: MakeClient, target: str, uri: str
) -> None:
    answer = transfer(make_client(**talking.settings), transfer_to=target)
    assert (answer.status_code, answer.get_json()["transfer_to"]) == (200, uri)
    assert talking.transfers[0].transfer_to == uri


@pytest.mark.parametrize(
    "target",
    [
        "sip:+19005550@pbx.lan",
        "sip:0019005550@pbx.lan",
        "sip:alice@pbx.lan",
        "sip:+49301@evil.lan",
        "sip:+49301@rtc.lan",
        "tel:+19005550",
    ],
)
def test_transfer_keeps_to_the_destination_rules(talking: FakeSipClient, make_client: MakeClient, target: str) -> None:
    limits = {"SIP_ALLOWED_DESTINATIONS": "+49", "SIP_OVERRIDE_ADDRESSES": "pbx.lan,rtc.lan"}
    client = make_client(**talking.settings, **limits, LIVEKIT_PUBLIC_URL="ws://rtc.lan:7880")
    assert failed(transfer(client, transfer_to=target)) == (403, "DESTINATION_NOT_ALLOWED")
    assert talking.transfers == []
    assert transfer(client, transfer_to="sip:+49301@pbx.lan").status_code == 200


@pytest.mark.parametrize("target", ["sip:1-900-5550@pbx.lan", "sip:+1.9005550@pbx.lan", "sip:+-19005550@pbx.lan"])
def test_separators_hide_no_denied_number(talking: FakeSipClient, make_client: MakeClient, target: str) -> None:
    client = make_client(**talking.settings, SIP_DENIED_DESTINATIONS="+1900")
    assert failed(transfer(client, transfer_to=target)) == (403, "DESTINATION_NOT_ALLOWED")
    assert talking.transfers == []


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, {"status": "completed", "reason": None, "sip_status": None}),
        (BUSY, {"status": "failed", "reason": "busy", "sip_status": 486}),
    ],
)
def test_outcome_of_a_transfer_is_in_the_calls_state(
    telephones: FakeSipClient, make_client: MakeClient, reply: Reply | None, expected: dict[str, Any]
) -> None:
    client = make_client(**telephones.settings, **PBX)
    dial(client)
    telephones.set_status("lobby", "bob", "active")
    taken = threading.Event()

    def slow(method: str, _: object) -> Reply | None:
        if method != "TransferSIPParticipant":
            return None
        taken.wait(20)
        return reply

    telephones.script = slow

    def seen() -> Any:
        return client.get("/sip/call/SCL_1").get_json()["transfer"]

    assert seen() is None
    assert transfer(client).get_json()["status"] == "initiated"
    assert seen() == {"transfer_to": "tel:+15550003", "status": "initiated", "reason": None, "sip_status": None}
    taken.set()
    until(lambda: seen()["status"] != "initiated", 60, "the outcome is noted")
    assert seen() == {"transfer_to": "tel:+15550003", **expected}


def slow_transfer(telephones: FakeSipClient, client: FlaskClient) -> threading.Event:
    """Begin a call and a transfer that goes on until the event is set."""
    dial(client)
    telephones.set_status("lobby", "bob", "active")
    taken = threading.Event()

    def slow(method: str, message: Any) -> None:
        if method == "TransferSIPParticipant" and message.transfer_to == "tel:+15550003":
            taken.wait(20)

    telephones.script = slow
    assert transfer(client).get_json()["status"] == "initiated"
    return taken


def test_outcome_of_an_earlier_transfer_is_not_the_last(
    telephones: FakeSipClient, make_client: MakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client = make_client(**telephones.settings, **PBX)
    taken = slow_transfer(telephones, client)
    assert transfer(client, transfer_to="+15550004").get_json()["status"] == "completed"
    taken.set()
    lines = ""

    def are_logged() -> bool:
        nonlocal lines
        lines += capsys.readouterr().err
        return lines.count('"outcome"') == 2

    until(are_logged, 60, "both outcomes are logged")
    assert client.get("/sip/call/SCL_1").get_json()["transfer"]["transfer_to"] == "tel:+15550004"


def test_transfer_of_a_server_that_died_is_unknown(
    telephones: FakeSipClient, make_client: MakeClient, tmp_path: Path
) -> None:
    client = make_client(**telephones.settings, **PBX)
    taken = slow_transfer(telephones, client)
    file = tmp_path / "cache" / "sip" / "history.sqlite"
    earlier = "json_set(value, '$.transfer.requested', json_extract(value, '$.transfer.requested') - 60)"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"UPDATE records SET value = {earlier}")
        database.commit()
    shown = client.get("/sip/call/SCL_1").get_json()["transfer"]
    assert (shown["status"], shown["reason"]) == ("initiated", "unknown")
    taken.set()
