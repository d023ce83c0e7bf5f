"""Inbound calls: which event reaches which hook, and what it says."""

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from livekit import api
from sayna_client.errors import SaynaValidationError

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A
from tests.blueprints.telephones import save
from tests.e2e.program import until
from tests.sip.inbound import ATTRIBUTES, Target, hook, joined, per_hook_secret, send_event, verified, waiting
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP


def test_inbound_call_reaches_the_hook_of_its_domain(
    inbound: MakeClient, telephones: FakeSipClient, target: Target, tmp_path: Path
) -> None:
    client = inbound(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby", '{"kept":1}')
    assert send_event(client, joined()).status_code == 200
    [hit] = target.received(1)
    event = verified(hit, per_hook_secret("a"))
    assert (event.from_phone_number, event.to_phone_number) == ("+15559876543", "+15551234567")
    assert (event.room.name, event.room.sid, event.room_prefix) == ("lobby", "RM_lobby", "sip")
    assert (event.participant.identity, event.participant.sid) == ("sip_+15551234", "PA_1")
    assert event.participant.name == "Phone +15551234"
    assert event.sip_host == "a.example.com"
    assert event.sip_headers == {"x-to-ip": "A.example.com:5060", "to": "<sip:+15551234567@10.0.0.1>"}
    assert list(hit.json()) == [
        *("participant", "room", "from_phone_number", "to_phone_number"),
        *("room_prefix", "sip_host", "sip_headers"),
    ]
    assert (hit.method, hit.path, hit.query) == ("POST", "/hook", "x=1")
    assert hit.headers["x-sayna-event-id"] == "EV_1"
    assert hit.headers["x-sayna-signature-version"] == "v1"
    assert json.loads(telephones.rooms["lobby"].metadata) == {"kept": 1, "auth_id": "a"}
    until(lambda: waiting(tmp_path) == 0, 60, "the outbox is empty")
    with pytest.raises(SaynaValidationError):
        verified(hit, "another-secret-0123456789")


def test_hook_s_own_secret_signs_its_events(inbound: MakeClient, target: Target) -> None:
    own = {**hook(target), "secret": "its-own-secret-0123456789"}
    assert send_event(inbound(SIP_HOOKS_JSON=json.dumps([own])), joined()).status_code == 200
    [hit] = target.received(1)
    assert verified(hit, own["secret"]).sip_host == "a.example.com"


@pytest.mark.parametrize("metadata", ['{"auth_id":"b"}', "no json", "[]", '{"auth_id":"a","auth_id":"b"}'])
def test_call_in_another_tenant_s_room_reaches_no_hook(
    inbound: MakeClient, telephones: FakeSipClient, target: Target, metadata: str
) -> None:
    client = inbound(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby", metadata)
    assert send_event(client, joined()).status_code == 200
    telephones.open("other", OWNED_BY_A)
    assert send_event(client, joined("EV_2", room="other")).status_code == 200
    [hit] = target.received(1)
    assert verified(hit, per_hook_secret("a")).room.name == "other"
    assert telephones.rooms["lobby"].metadata == metadata
    assert len(target.hits) == 1


def test_call_is_told_while_livekit_lists_old_metadata(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby", '{"kept":1}')
    telephones.stale_lists = 5
    assert send_event(client, joined()).status_code == 200
    assert verified(target.received(1)[0], per_hook_secret("a")).room.name == "lobby"
    assert json.loads(telephones.rooms["lobby"].metadata) == {"kept": 1, "auth_id": "a"}
    assert telephones.calls.count("UpdateRoomMetadata") == 1


def test_event_comes_again_when_the_list_stays_old(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH, LIVEKIT_TIMEOUT_SECONDS="0.5")
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby")
    telephones.stale_lists = 1000
    answer = send_event(client, joined())
    assert (answer.status_code, answer.get_json()["code"]) == (500, "LIVEKIT_UNAVAILABLE")
    telephones.stale_lists = 0
    assert send_event(client, joined()).status_code == 200
    assert len(target.received(1)) == 1


def test_other_owner_in_a_stale_list_is_a_conflict(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby")

    def overtake(method: str, _: Any) -> None:
        if method == "UpdateRoomMetadata":
            telephones.script = lambda *_: None
            telephones.answer("UpdateRoomMetadata", _other_owner())
            telephones.script = win

    def win(method: str, message: Any) -> None:
        if method == "ListRooms":
            telephones.rooms["lobby"].metadata = '{"auth_id":"b"}'

    telephones.script = overtake
    assert send_event(client, joined()).status_code == 200
    assert target.hits == []


def _other_owner() -> Any:
    return api.UpdateRoomMetadataRequest(room="lobby", metadata='{"auth_id":"b"}')


def accepted(client: FlaskClient, event: dict[str, Any]) -> bool:
    """Send an event up to five times, as LiveKit does while a busy server answers 5xx."""
    return any(send_event(client, event).status_code == 200 for _ in range(5))


def test_bursts_of_calls_are_each_told_once(inbound: MakeClient, telephones: FakeSipClient, target: Target) -> None:
    client = inbound(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.stale_lists = 2
    with ThreadPoolExecutor(20) as pool:
        for burst in range(4):
            names = [f"{burst}-{number}" for number in range(20)]
            for name in names:
                telephones.open(name)
            events = [joined(f"EV_{name}", room=name) for name in names]
            clients = [client.application.test_client() for _ in events]
            assert list(pool.map(accepted, clients, events)) == [True] * 20
    target.received(80, 60)
    told = Counter(verified(hit, per_hook_secret("a")).room.name for hit in target.hits)
    assert len(told) == 80
    assert set(told.values()) == {1}


def test_event_fails_while_livekit_does_not_answer(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby")
    telephones.script = lambda *_: DROP
    assert send_event(client, joined()).status_code == 500
    telephones.script = lambda *_: None
    assert send_event(client, joined()).status_code == 200
    assert verified(target.received(1)[0], per_hook_secret("a")).room.name == "lobby"


@pytest.mark.parametrize(
    "event",
    [
        joined(kind="STANDARD"),
        joined(attributes={}),
        joined(attributes={"sip.h.to": "<sip:x@unknown.example.com>"}),
        {**joined(), "event": "participant_left"},
        {**joined(), "room": None},
        {**joined(), "participant": None},
    ],
)
def test_event_without_a_hook_is_not_stored(
    inbound: MakeClient, target: Target, tmp_path: Path, event: dict[str, Any]
) -> None:
    client = inbound()
    save(client, hook(target))
    assert send_event(client, event).status_code == 200
    assert not (tmp_path / "cache" / "sip" / "deliveries.sqlite").exists()


@pytest.mark.parametrize(
    ("trunks", "attributes", "host"),
    [
        ("", {"sip.trunkID": "ST_1"}, "a.example.com"),
        ("", {}, "a.example.com"),
        ("ST_1,ST_2", {"sip.trunkID": "ST_2"}, "a.example.com"),
        ("ST_1", {"sip.trunkID": "ST_2"}, "b.example.com"),
        ("ST_1", {"sip.trunkID": "ST_11"}, "b.example.com"),
        ("ST_1", {}, "b.example.com"),
        ("none", {"sip.trunkID": "ST_1"}, "b.example.com"),
        ("ST_1", {"sip.trunkID": "ST_1", "sip.h.x-to-ip": ""}, "b.example.com"),
    ],
)
def test_x_to_ip_counts_from_trunks_of_the_settings(
    inbound: MakeClient, target: Target, trunks: str, attributes: dict[str, str], host: str
) -> None:
    client = inbound(SIP_X_TO_IP_TRUNKS=trunks)
    save(client, hook(target), hook(target, "b.example.com"))
    headers = {"sip.h.x-to-ip": "a.example.com", "sip.h.to": "<sip:1@b.example.com>"}
    assert send_event(client, joined(attributes={**headers, **attributes})).status_code == 200
    event = verified(target.received(1)[0])
    assert event.sip_host == host
    assert set(event.sip_headers or ()) == {"x-to-ip", "to"}


def test_any_sip_header_is_accepted(inbound: MakeClient, target: Target) -> None:
    client = inbound()
    save(client, hook(target))
    dice = random.Random(6)
    alphabet = '<>"\\@:;?,=[]{}%\x00\r\n\t é\ud800sipsA.example.com0tel:'
    for number in range(100):
        header = "".join(dice.choices(alphabet, k=dice.randrange(60)))
        attributes = {**ATTRIBUTES, "sip.h.x-to-ip": header, f"sip.h.{header}": header * 100}
        assert send_event(client, joined(f"F_{number}", room=f"r{number}", attributes=attributes)).status_code == 200
    strange = {**ATTRIBUTES, "sip.h.x-evil": "\ud800\r\n" + "x" * 5000}
    assert send_event(client, joined("EV é\r\n", attributes=strange)).status_code == 200
    until(
        lambda: any(hit.headers["x-sayna-event-id"].startswith("sha256:") for hit in target.hits),
        60,
        "the event arrived",
    )
    [hit] = [hit for hit in target.hits if hit.headers["x-sayna-event-id"].startswith("sha256:")]
    event = verified(hit)
    assert event.sip_headers is not None
    assert event.sip_headers["x-evil"].startswith("?\r\nxxx")
    assert len(hit.body) < 5000


def test_event_is_503_while_it_cannot_be_stored(inbound: MakeClient, target: Target, tmp_path: Path) -> None:
    client = inbound()
    save(client, hook(target))
    file = tmp_path / "cache" / "sip" / "deliveries.sqlite"
    file.mkdir(parents=True, mode=0o700)
    assert send_event(client, joined()).status_code == 503
    file.rmdir()
    assert send_event(client, joined()).status_code == 200
    target.received(1)


def test_events_are_delivered_without_a_cache_folder(
    inbound: MakeClient, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    client = inbound(CACHE_PATH="", SIP_HOOKS_JSON=json.dumps([hook(target)]))
    assert "CACHE_PATH is not set" in capsys.readouterr().err
    assert send_event(client, joined()).status_code == 200
    assert verified(target.received(1)[0]).room.name == "lobby"
