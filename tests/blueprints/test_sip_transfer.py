import json
import threading
import time

import pytest

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A, failed
from tests.blueprints.telephones import transfer
from tests.wire.telephone import SIP, FakeSipClient
from tests.wire.twirp import DROP, HTML, NO_PARTICIPANT, Reply, refusal


@pytest.fixture
def talking(telephones: FakeSipClient) -> FakeSipClient:
    telephones.open("lobby", OWNED_BY_A)
    telephones.join("lobby", "bob", kind=SIP)
    telephones.join("lobby", "ann")
    return telephones


def test_transfer_that_is_taken_at_once_is_completed(talking: FakeSipClient, make_client: MakeClient) -> None:
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
    [asked] = talking.transfers
    assert (asked.room_name, asked.participant_identity) == ("lobby", "bob")
    assert (asked.transfer_to, asked.ringing_timeout.seconds) == ("tel:+15550003", 30)


@pytest.mark.parametrize(
    ("outcome", "logged"), [(None, "completed"), (refusal(400, "aborted"), "aborted"), (DROP, "unavailable")]
)
def test_slow_transfer_is_initiated_within_two_seconds_and_its_outcome_is_logged(
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

    talking.script = slow
    started = time.monotonic()
    answer = transfer(make_client(**talking.settings))
    assert time.monotonic() - started < 2
    assert answer.get_json()["status"] == "initiated"
    taken.set()
    lines, deadline = "", time.monotonic() + 10
    while '"outcome"' not in lines and time.monotonic() < deadline:
        lines += capsys.readouterr().err
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
def test_who_is_not_on_a_telephone_of_the_caller_s_is_not_found(
    talking: FakeSipClient, make_client: MakeClient, tenant: str, change: dict[str, str]
) -> None:
    answer = transfer(make_client(**talking.settings, **AUTH), tenant, **change)
    assert failed(answer) == (404, "PARTICIPANT_NOT_FOUND")
    assert talking.transfers == []


@pytest.mark.parametrize("reply", [refusal(400, "invalid_argument"), NO_PARTICIPANT, HTML, DROP])
def test_transfer_that_livekit_refuses_has_failed(
    talking: FakeSipClient, make_client: MakeClient, reply: Reply
) -> None:
    talking.script = lambda method, _: reply if method == "TransferSIPParticipant" else None
    assert failed(transfer(make_client(**talking.settings))) == (500, "TRANSFER_FAILED")
    assert talking.calls.count("TransferSIPParticipant") == 1


def test_livekit_that_hangs_holds_nobody_for_more_than_two_seconds(
    talking: FakeSipClient, make_client: MakeClient
) -> None:
    talking.script = talking.hang
    started = time.monotonic()
    assert failed(transfer(make_client(**talking.settings))) == (500, "TRANSFER_FAILED")
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"transfer_to": "sip:x@y"}, "INVALID_PHONE_NUMBER"),
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
