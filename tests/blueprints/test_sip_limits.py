import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, failed
from tests.blueprints.telephones import CALL, PBX, dial, transfer
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> MakeClient:
    return lambda **settings: make_client(**telephones.settings, **{**PBX, **settings})


@pytest.mark.parametrize("number", ["+19005550", "19005550", "0019005550", "01119005550", "+491", "0900"])
def test_denied_numbers_are_denied_in_every_way_to_dial_them(
    make: MakeClient, telephones: FakeSipClient, number: str
) -> None:
    client = make(SIP_DENIED_DESTINATIONS="+1900,+49,0900", SIP_ALLOWED_DESTINATIONS="+1,+4,0,1")
    assert failed(dial(client, to_phone_number=number)) == (403, "DESTINATION_NOT_ALLOWED")
    assert failed(transfer(client, transfer_to=number)) == (403, "DESTINATION_NOT_ALLOWED")
    assert telephones.calls == []


def test_plus_before_a_prefix_hides_no_denied_number(make: MakeClient) -> None:
    answer = dial(make(SIP_DENIED_DESTINATIONS="+1900"), to_phone_number="+0019005550")
    assert failed(answer) == (403, "DESTINATION_NOT_ALLOWED")


@pytest.mark.parametrize(("number", "status"), [("+4930", 200), ("12", 200), ("+1", 403), ("4930", 403), ("21", 403)])
def test_only_allowed_numbers_are_dialled(make: MakeClient, number: str, status: int) -> None:
    assert dial(make(SIP_ALLOWED_DESTINATIONS="+49,1"), to_phone_number=number).status_code == status


NUMBERS = json.dumps([{"auth_id": "a", "numbers": [" +15550001 ", "07"]}, {"auth_id": "c", "numbers": ["+15550009"]}])


@pytest.mark.parametrize("number", ["+15550009", "15550001", "0015550001", "+1555000", "7", "+155500011"])
def test_call_from_another_tenant_s_number_is_refused(make: MakeClient, telephones: FakeSipClient, number: str) -> None:
    client = make(**AUTH, SIP_FROM_NUMBERS_JSON=NUMBERS)
    own = {"outbound_address": "pbx.of.my.own"}
    changes: tuple[dict[str, Any], ...] = ({}, {"sip": own})
    for change in changes:
        answer = dial(client, "a", from_phone_number=number, **change)
        assert failed(answer) == (403, "FROM_NUMBER_NOT_ALLOWED")
    assert failed(dial(client, "b", from_phone_number="+15550001")) == (403, "FROM_NUMBER_NOT_ALLOWED")
    assert failed(dial(client, "a", from_phone_number="+1 555")) == (400, "INVALID_PHONE_NUMBER")
    assert telephones.calls == []


def test_tenant_calls_from_its_own_numbers(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(**AUTH, SIP_FROM_NUMBERS_JSON=NUMBERS)
    for number in ("+15550001", "  +15550001\t", "07"):
        assert dial(client, "a", from_phone_number=number, replace=True).status_code == 200
    assert len(telephones.dialled) == 3


def test_call_from_a_foreign_number_does_not_use_its_key_up(make: MakeClient) -> None:
    client = make(**AUTH, SIP_FROM_NUMBERS_JSON=NUMBERS)
    assert dial(client, "a", key="k", from_phone_number="+15550009").status_code == 403
    assert dial(client, "a", key="k").status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("pbx.lan", 200),
        ("PBX.lan.:5070", 200),
        ("10.1.2.3:5060", 200),
        ("[fd00::5]", 400),
        ("11.1.2.3", 403),
        ("evil.pbx.lan", 403),
        ("0x0a010203", 403),
        ("167838211", 403),
    ],
)
def test_only_listed_sip_servers_may_be_named(make: MakeClient, address: str, status: int) -> None:
    client = make(SIP_OVERRIDE_ADDRESSES="pbx.lan,10.0.0.0/8,fd00::/16")
    assert dial(client, sip={"outbound_address": address}).status_code == status
    assert dial(client, participant_identity="eve").status_code == 200


def test_calls_a_minute_are_counted_for_each_tenant(make: MakeClient, telephones: FakeSipClient) -> None:
    client, other = make(**AUTH, SIP_CALLS_PER_MINUTE="2"), make(**AUTH, SIP_CALLS_PER_MINUTE="2")
    for each, room in ((client, "a1"), (other, "a2")):
        assert dial(each, "a", room_name=room).status_code == 200
    refused = dial(client, "a", room_name="a3")
    assert failed(refused) == (429, "TOO_MANY_CALLS")
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert dial(client, "b", room_name="b").status_code == 200
    assert len(telephones.dialled) == 3


def test_calls_at_a_time_count_until_the_phone_left_the_room(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(SIP_MAX_CONCURRENT_CALLS="2")
    assert [dial(client, participant_identity=who).status_code for who in ("bob", "eve")] == [200, 200]
    refused = dial(client, participant_identity="joe")
    assert failed(refused) == (429, "TOO_MANY_CALLS")
    assert refused.headers["Retry-After"] == "5"
    telephones.people["lobby"].clear()
    assert [dial(client, participant_identity=who).status_code for who in "xyz"] == [200, 200, 429]


def test_slot_stays_taken_while_livekit_does_not_answer(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(SIP_MAX_CONCURRENT_CALLS="1")
    assert dial(client).status_code == 200
    telephones.people["lobby"].clear()
    telephones.script = lambda *_: DROP
    assert failed(dial(client, participant_identity="eve")) == (429, "TOO_MANY_CALLS")
    telephones.script = lambda *_: None
    assert dial(client, participant_identity="eve").status_code == 200


def test_call_that_was_never_begun_is_not_under_way(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(**AUTH, SIP_MAX_CONCURRENT_CALLS="1")
    telephones.open("lobby", '{"auth_id":"b"}')
    assert failed(dial(client, "a")) == (404, "ROOM_ACCESS_DENIED")
    assert dial(client, "a", room_name="mine").status_code == 200


def test_call_of_unknown_outcome_keeps_its_slot(make: MakeClient, telephones: FakeSipClient) -> None:
    telephones.script = lambda method, _: telephones.hang() if method == "CreateSIPParticipant" else None
    client = make(SIP_MAX_CONCURRENT_CALLS="1", LIVEKIT_TIMEOUT_SECONDS="0.3")
    assert failed(dial(client)) == (500, "CALL_FAILED")
    assert failed(dial(client, participant_identity="eve")) == (429, "TOO_MANY_CALLS")
    telephones.over.set()


def test_limits_hold_over_threads_and_applications(make: MakeClient, telephones: FakeSipClient) -> None:
    clients = [make(SIP_CALLS_PER_MINUTE="7", SIP_MAX_CONCURRENT_CALLS="5") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: dial(clients[n % 2], participant_identity=str(n)).status_code, range(20)))
    assert sorted(answers) == [200] * 5 + [429] * 15
    assert len(telephones.dialled) == 5


def test_same_key_dials_once_and_answers_the_same(make: MakeClient, telephones: FakeSipClient) -> None:
    clients = [make(), make()]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: dial(clients[n % 2], key="k").get_json(), range(8)))
    assert len(telephones.dialled) == 1
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["sip_call_id"] == "SCL_1"


def test_key_belongs_to_a_tenant_and_to_one_request(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(**AUTH)
    assert dial(client, "a", key="k", room_name="a").status_code == 200
    assert dial(client, "b", key="k", room_name="b").status_code == 200
    for change in ({"to_phone_number": "+2"}, {"sip": {"auth_password": "x"}}):
        answer = dial(client, "a", key="k", room_name="a", **change)
        assert failed(answer) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(telephones.dialled) == 2


@pytest.mark.parametrize("keys", [("a", "b"), ("a", "a"), ("a,b",)])
def test_two_keys_are_refused(make: MakeClient, telephones: FakeSipClient, keys: tuple[str, ...]) -> None:
    headers = [("Idempotency-Key", key) for key in keys]
    assert failed(make().post("/sip/call", json=CALL, headers=headers)) == (400, "INVALID_REQUEST")
    assert telephones.dialled == []


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_key_is_one_word_of_ascii(make: MakeClient, key: str) -> None:
    assert failed(dial(make(), key=key)) == (400, "INVALID_REQUEST")


def test_key_of_a_refused_request_may_be_used_again(make: MakeClient, telephones: FakeSipClient) -> None:
    client = make(SIP_CALLS_PER_MINUTE="1")
    assert dial(client).status_code == 200
    assert failed(dial(client, key="k", participant_identity="eve")) == (429, "TOO_MANY_CALLS")
    assert dial(make(SIP_CALLS_PER_MINUTE="5"), key="k", participant_identity="eve").status_code == 200


def test_second_request_of_a_key_waits_as_long_as_a_call_takes(make: MakeClient, telephones: FakeSipClient) -> None:
    rings, answered = threading.Event(), threading.Event()

    def slow(method: str, _: object) -> None:
        if method == "CreateSIPParticipant":
            rings.set()
            answered.wait(10)

    telephones.script = slow
    clients = [make(LIVEKIT_TIMEOUT_SECONDS="10"), make(LIVEKIT_TIMEOUT_SECONDS="0.1")]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(dial, clients[0], key="k")
        assert rings.wait(30)
        assert failed(dial(clients[1], key="k")) == (503, "STORE_UNAVAILABLE")
        answered.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize("name", ["calls", "answers"])
def test_broken_database_is_renamed_and_no_call_is_placed(
    make: MakeClient, telephones: FakeSipClient, tmp_path: Path, name: str
) -> None:
    client = make()
    file = tmp_path / "cache" / "sip" / f"{name}.sqlite"
    file.parent.mkdir(parents=True, mode=0o700)
    file.write_bytes(b"this is no database" * 100)
    assert failed(dial(client, key="k")) == (503, "STORE_UNAVAILABLE")
    assert telephones.dialled == []
    assert list(file.parent.glob(f"{name}.sqlite.corrupt-*"))
    assert dial(client, key="k").status_code == 200
