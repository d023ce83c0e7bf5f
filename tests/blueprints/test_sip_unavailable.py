"""Calls that LiveKit does not begin: what is known of them, and what may be tried again.

The refusals are those of livekit-server 1.13.5 and livekit-sip 1.11.0.
"""

import socket

import pytest

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import failed
from tests.blueprints.telephones import PBX, dial
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP, HTML, Reply, refusal

NO_SERVICE = refusal(503, "unavailable", "twirp error unknown: no response from servers")
NOT_BEGUN = {
    "no SIP service": NO_SERVICE,
    "no free SIP service": refusal(429, "resource_exhausted", "max rooms exceeded"),
    "another code": refusal(400, "invalid_argument", "twirp error unknown: trunk.hostname"),
    "no grant": refusal(401, "unauthenticated", "permissions denied"),
    "another key": Reply(401, b"invalid API key", "text/plain"),
}


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> MakeClient:
    return lambda **settings: make_client(**{**telephones.settings, **PBX, **settings})


def answer_dial(telephones: FakeSipClient, reply: Reply | None) -> None:
    telephones.script = lambda method, _: reply if method == "CreateSIPParticipant" else None


@pytest.mark.parametrize("reason", NOT_BEGUN)
def test_call_that_livekit_refuses_frees_key_and_slot(make: MakeClient, telephones: FakeSipClient, reason: str) -> None:
    client = make(SIP_MAX_CONCURRENT_CALLS="1")
    answer_dial(telephones, NOT_BEGUN[reason])
    for _ in range(2):
        answer = dial(client, key="k")
        assert failed(answer) == (500, "CALL_FAILED")
        assert "did not say" not in answer.get_json()["error"]
    answer_dial(telephones, None)
    assert dial(client, key="k").status_code == 200
    assert len(telephones.dialled) == 1


def test_missing_sip_service_is_named(make: MakeClient, telephones: FakeSipClient) -> None:
    answer_dial(telephones, NO_SERVICE)
    assert "LiveKit SIP" in dial(make()).get_json()["error"]


def test_call_without_a_connection_to_livekit_frees_its_key(make: MakeClient, telephones: FakeSipClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = make(LIVEKIT_URL=f"ws://127.0.0.1:{port}")
    answer = dial(client, key="k", replace=True)
    assert failed(answer) == (500, "CALL_FAILED")
    assert "no call was placed" in answer.get_json()["error"]
    assert dial(make(), key="k", replace=True).status_code == 200


@pytest.mark.parametrize(
    "reply", [DROP, HTML, refusal(408, "deadline_exceeded", "request timed out"), Reply(502, b"", "text/html")]
)
def test_call_without_an_answer_keeps_key_and_slot(make: MakeClient, telephones: FakeSipClient, reply: Reply) -> None:
    client = make(SIP_MAX_CONCURRENT_CALLS="1")
    answer_dial(telephones, reply)
    for _ in range(2):
        answer = dial(client, key="k")
        assert failed(answer) == (500, "CALL_FAILED")
        assert "did not say" in answer.get_json()["error"]
    assert failed(dial(client, participant_identity="eve")) == (429, "TOO_MANY_CALLS")
    assert telephones.calls.count("CreateSIPParticipant") == 1
