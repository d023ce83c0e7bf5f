import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A, failed
from tests.blueprints.telephones import PBX, PBX_USER, dial
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP, Reply, refusal

MINE = {"outbound_address": "other.example.com:5070", "auth_username": "me", "auth_password": "mine"}


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> MakeClient:
    return lambda **settings: make_client(**telephones.settings, **{**PBX, **settings})


def trunk(message: Any) -> tuple[str, str, str]:
    return message.trunk.hostname, message.trunk.auth_username, message.trunk.auth_password


def test_call_is_begun_through_the_server_s_own_pbx(make: MakeClient, telephones: FakeSipClient) -> None:
    answer = dial(make(**PBX_USER), from_phone_number=" +15550001 ")
    assert (answer.status_code, answer.get_json()) == (
        200,
        {
            "status": "initiated",
            "room_name": "lobby",
            "participant_identity": "bob",
            "participant_id": "PA_bob",
            "sip_call_id": "SCL_1",
        },
    )
    [asked] = telephones.dialled
    assert trunk(asked) == ("pbx.example.com:5060", "sayna", "canary-password")
    assert (asked.sip_trunk_id, asked.sip_number, asked.sip_call_to) == ("", "+15550001", "+15550002")
    assert (asked.room_name, asked.participant_name, asked.wait_until_answered) == ("lobby", "Bob", False)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (MINE, ("other.example.com:5070", "me", "mine")),
        ({"outbound_address": "other.example.com"}, ("other.example.com", "", "")),
        ({"outbound_address": "pbx.example.com:5060"}, ("pbx.example.com:5060", "", "")),
        ({"outbound_address": "10.0.0.9", "auth_username": "me"}, ("10.0.0.9", "me", "")),
        ({"outbound_address": "10.0.0.9", "auth_password": "mine"}, ("10.0.0.9", "", "")),
        ({"auth_username": "me", "auth_password": "mine"}, ("pbx.example.com:5060", "me", "mine")),
        ({"auth_username": ""}, ("pbx.example.com:5060", "", "")),
        (
            {"outbound_address": None, "auth_username": None},
            ("pbx.example.com:5060", "sayna", "canary-password"),
        ),
        (None, ("pbx.example.com:5060", "sayna", "canary-password")),
    ],
)
def test_request_with_its_own_pbx_gets_no_password_of_the_server(
    make: MakeClient, telephones: FakeSipClient, own: Any, expected: tuple[str, str, str]
) -> None:
    assert dial(make(**PBX_USER), sip=own).status_code == 200
    assert trunk(telephones.dialled[0]) == expected


@pytest.mark.parametrize("field", ["room_name", "participant_name", "participant_identity"])
@pytest.mark.parametrize("value", ["", "  ", None, 1, "x" * 129, "a\nb"])
def test_names_are_checked(make: MakeClient, telephones: FakeSipClient, field: str, value: Any) -> None:
    assert failed(dial(make(), **{field: value})) == (400, "INVALID_REQUEST")
    assert telephones.calls == []


@pytest.mark.parametrize("field", ["room_name", "participant_name", "participant_identity"])
def test_names_have_at_most_256_bytes(make: MakeClient, telephones: FakeSipClient, field: str) -> None:
    assert failed(dial(make(), **{field: "語" * 86})) == (400, "INVALID_REQUEST")
    assert telephones.calls == []


def test_identity_that_is_in_the_room_is_a_conflict(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(SIP_MAX_CONCURRENT_CALLS="1")
    telephones.join("lobby", "ann")
    for _ in range(2):
        answer = dial(client, participant_identity="ann", key="k")
        assert failed(answer) == (409, "PARTICIPANT_EXISTS")
    assert telephones.dialled == []
    telephones.people["lobby"].clear()
    assert dial(client, participant_identity="ann", key="k").status_code == 200


def test_replace_dials_an_identity_that_is_in_the_room(make: MakeClient, telephones: FakeSipClient) -> None:
    telephones.join("lobby", "bob")
    assert failed(dial(make(), replace=False)) == (409, "PARTICIPANT_EXISTS")
    assert failed(dial(make(), replace="yes")) == (400, "INVALID_REQUEST")
    assert dial(make(), replace=True).status_code == 200
    assert len(telephones.dialled) == 1


def test_foreign_room_does_not_tell_who_is_in_it(make: MakeClient, telephones: FakeSipClient) -> None:
    telephones.open("lobby", OWNED_BY_A)
    telephones.join("lobby", "bob")
    assert failed(dial(make(**AUTH), "b")) == (404, "ROOM_ACCESS_DENIED")


@pytest.mark.parametrize("field", ["from_phone_number", "to_phone_number"])
@pytest.mark.parametrize("value", ["abc", "+", "++1", "1+1", "1 2", "1" * 33, "+١٢", "tel:+1", "1;phone-context=x"])
def test_numbers_are_checked(make: MakeClient, telephones: FakeSipClient, field: str, value: str) -> None:
    assert failed(dial(make(), **{field: value})) == (400, "INVALID_PHONE_NUMBER")
    assert failed(dial(make(), **{field: " "})) == (400, "INVALID_REQUEST")
    assert telephones.calls == []


@pytest.mark.parametrize("field", ["from_phone_number", "to_phone_number"])
@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("\u200b+1555", "U+200B ZERO WIDTH SPACE"),
        ("+1555\u202c", "U+202C POP DIRECTIONAL FORMATTING"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("+15\u00a055", "U+00A0 NO-BREAK SPACE"),
        ("+15\t55", "U+0009"),
    ],
)
def test_invisible_character_of_a_number_is_named(make: MakeClient, field: str, value: str, named: str) -> None:
    answer = dial(make(), **{field: value})
    assert failed(answer) == (400, "INVALID_PHONE_NUMBER")
    assert answer.get_json()["error"] == f"{field} must be an optional + and 1 to 32 digits, and holds {named}"


@pytest.mark.parametrize("value", ["1234", "07123456789", "+" + "1" * 32, " +1 "])
def test_numbers_of_every_kind_are_dialled(make: MakeClient, telephones: FakeSipClient, value: str) -> None:
    assert dial(make(), to_phone_number=value).status_code == 200
    assert telephones.dialled[0].sip_call_to == value.strip()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@b",
        "sip:a@b",
        "a;transport=sctp",
        "a;lr",
        "sips:a;transport=udp",
        "[::1]:4449",
        "a:99999",
        "a b",
        "a:0",
        "a:65536",
        "a:99999",
        "a:05060",
        "[::1]",
        "[::1]:4449",
        "::1",
        "a:x",
        "[::1",
        "[1.2]",
        "a\r\nb",
        "-a",
        "é",
    ],
)
def test_addresses_are_checked(make: MakeClient, telephones: FakeSipClient, address: str) -> None:
    assert failed(dial(make(), sip={"outbound_address": address})) == (400, "INVALID_SIP_ADDRESS")
    assert telephones.calls == []


@pytest.mark.parametrize(
    "sip", ["x", [], {"auth_username": "a\nb"}, {"auth_password": "x" * 257}, {"auth_username": 1}]
)
def test_what_else_a_request_brings_is_checked(make: MakeClient, sip: Any) -> None:
    assert failed(dial(make(), sip=sip)) == (400, "INVALID_REQUEST")


def test_without_any_pbx_there_is_no_call(
    telephones: FakeSipClient, make_client: MakeClient, client: FlaskClient
) -> None:
    bare = make_client(**telephones.settings)
    assert failed(dial(bare)) == (500, "OUTBOUND_ADDRESS_NOT_CONFIGURED")
    assert dial(bare, sip={"outbound_address": "127.0.0.1:5070"}).status_code == 200
    assert failed(dial(client)) == (500, "LIVEKIT_NOT_CONFIGURED")


def test_room_is_claimed_before_anything_rings(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(**AUTH)
    assert dial(client, "a").status_code == 200
    assert telephones.rooms["lobby"].metadata == OWNED_BY_A
    assert telephones.calls.index("CreateRoom") < telephones.calls.index("CreateSIPParticipant")


@pytest.mark.parametrize("metadata", [OWNED_BY_A, "", '{"auth_id":""}'])
def test_call_into_a_foreign_or_unowned_room_is_refused(
    make: MakeClient, telephones: FakeSipClient, metadata: str
) -> None:
    telephones.open("lobby", metadata)
    assert failed(dial(make(**AUTH), "b")) == (404, "ROOM_ACCESS_DENIED")
    assert telephones.dialled == []


@pytest.mark.parametrize(
    "reply", [refusal(503, "unavailable"), refusal(400, "invalid_argument"), refusal(500, "internal"), DROP]
)
def test_call_that_livekit_refuses_fails_without_a_retry(
    make: MakeClient, telephones: FakeSipClient, reply: Reply
) -> None:
    telephones.script = lambda method, _: reply if method == "CreateSIPParticipant" else None
    assert failed(dial(make())) == (500, "CALL_FAILED")
    assert telephones.calls.count("CreateSIPParticipant") == 1


def test_call_fails_when_livekit_does_not_answer_for_the_room(make: MakeClient, telephones: FakeSipClient) -> None:
    telephones.script = lambda method, _: DROP
    assert failed(dial(make(**AUTH), "a")) == (500, "CALL_FAILED")
    assert "CreateSIPParticipant" not in telephones.calls


def test_call_of_unknown_outcome_is_not_dialled_again(make: MakeClient, telephones: FakeSipClient) -> None:
    def hang(method: str, message: Any) -> None:
        if method == "CreateSIPParticipant":
            telephones.dialled.append(message)
            telephones.over.wait(20)

    telephones.script = hang
    client = make(LIVEKIT_TIMEOUT_SECONDS="0.5")
    for _ in range(2):
        answer = dial(client, key="once")
        assert failed(answer) == (500, "CALL_FAILED")
        assert "did not say" in answer.get_json()["error"]
    assert len(telephones.dialled) == 1


def test_no_log_and_no_answer_holds_a_password_or_a_number(
    make: MakeClient, telephones: FakeSipClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client = make(**PBX_USER)
    answers = [
        dial(client, sip=MINE | {"auth_password": "canary-of-mine"}),
        dial(client, sip={"auth_username": "a\n"}),
    ]
    refused = refusal(400, "internal", "canary-password")
    telephones.script = lambda method, _: refused if method == "CreateSIPParticipant" else None
    answers.append(dial(client, replace=True))
    said = capsys.readouterr().err + "".join(answer.text for answer in answers)
    assert "SCL_1" in said
    assert not [secret for secret in ("canary", "+1555000") if secret in said]
    assert [json.loads(line) for line in said.splitlines() if '"call"' in line]
