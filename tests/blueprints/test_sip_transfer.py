import json
import threading

import pytest

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A, failed
from tests.blueprints.telephones import transfer
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
