import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sayna_client.errors import SaynaValidationError

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A
from tests.blueprints.telephones import drop, save
from tests.e2e.program import until
from tests.sip.inbound import ATTRIBUTES, SETTINGS, Target, joined, per_hook_secret, refused, tell, verified
from tests.wire import FaultServer
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP

Inbound = Callable[..., FlaskClient]


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> Inbound:
    return lambda **settings: make_client(**telephones.settings, **SETTINGS, **settings)


def hook(
    target: FaultServer, host: str = "a.example.com", auth_id: str = "", path: str = "/hook?x=1"
) -> dict[str, str]:
    return {"host": host, "url": target.url + path, "auth_id": auth_id}


def waiting(folder: Path) -> int:
    with sqlite3.connect(folder / "cache" / "sip" / "deliveries.sqlite") as database:
        count: int = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
    database.close()
    return count


def test_inbound_call_is_told_to_the_hook_of_its_domain_as_the_sdk_wants_it(
    make: Inbound, telephones: FakeSipClient, target: Target, tmp_path: Path
) -> None:
    client = make(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby", '{"kept":1}')
    assert tell(client, joined()).status_code == 200
    [hit] = target.told(1)
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
    until(lambda: waiting(tmp_path) == 0, 10, "the queue is empty")
    with pytest.raises(SaynaValidationError):
        verified(hit, "another-secret-0123456789")


def test_hook_s_own_secret_signs_for_it(make: Inbound, target: Target) -> None:
    own = {**hook(target), "secret": "its-own-secret-0123456789"}
    assert tell(make(SIP_HOOKS_JSON=json.dumps([own])), joined()).status_code == 200
    [hit] = target.told(1)
    assert verified(hit, own["secret"]).sip_host == "a.example.com"


@pytest.mark.parametrize("metadata", ['{"auth_id":"b"}', "no json", "[]", '{"auth_id":"a","auth_id":"b"}'])
def test_room_of_another_is_not_told_to_anybody(
    make: Inbound, telephones: FakeSipClient, target: Target, metadata: str
) -> None:
    client = make(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby", metadata)
    assert tell(client, joined()).status_code == 200
    telephones.open("other", OWNED_BY_A)
    assert tell(client, joined("EV_2", room="other")).status_code == 200
    [hit] = target.told(1)
    assert verified(hit, per_hook_secret("a")).room.name == "other"
    assert telephones.rooms["lobby"].metadata == metadata
    assert len(target.hits) == 1


def test_livekit_that_cannot_be_asked_whose_the_room_is_sends_the_event_again(
    make: Inbound, telephones: FakeSipClient, target: Target
) -> None:
    client = make(**AUTH)
    save(client, hook(target, auth_id="a"), tenant="a")
    telephones.open("lobby")
    telephones.script = lambda *_: DROP
    assert tell(client, joined()).status_code == 500
    telephones.script = lambda *_: None
    assert tell(client, joined()).status_code == 200
    assert verified(target.told(1)[0], per_hook_secret("a")).room.name == "lobby"


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
def test_only_calls_to_a_domain_with_a_hook_are_told(
    make: Inbound, target: Target, tmp_path: Path, event: dict[str, Any]
) -> None:
    client = make()
    save(client, hook(target))
    assert tell(client, event).status_code == 200
    assert not (tmp_path / "cache" / "sip" / "deliveries.sqlite").exists()


@pytest.mark.parametrize(
    ("trunks", "attributes", "told"),
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
def test_x_to_ip_is_believed_from_the_trunks_of_the_settings(
    make: Inbound, target: Target, trunks: str, attributes: dict[str, str], told: str
) -> None:
    client = make(SIP_X_TO_IP_TRUNKS=trunks)
    save(client, hook(target), hook(target, "b.example.com"))
    headers = {"sip.h.x-to-ip": "a.example.com", "sip.h.to": "<sip:1@b.example.com>"}
    assert tell(client, joined(attributes={**headers, **attributes})).status_code == 200
    event = verified(target.told(1)[0])
    assert event.sip_host == told
    assert set(event.sip_headers or ()) == {"x-to-ip", "to"}


def test_event_is_told_again_until_it_is_taken_and_then_no_more(make: Inbound, target: Target) -> None:
    client = make()
    save(client, hook(target))
    target.then(refused, lambda exchange: exchange.reset())
    assert tell(client, joined()).status_code == 200
    assert tell(client, joined()).status_code == 200
    hits = target.told(3)
    assert [verified(hit).room.name for hit in hits] == ["lobby"] * 3
    assert {hit.headers["x-sayna-event-id"] for hit in hits} == {"EV_1"}
    assert tell(client, joined("EV_2")).status_code == 200
    assert target.told(4)[3].headers["x-sayna-event-id"] == "EV_2"


def test_redirect_is_not_followed(make: Inbound, target: Target) -> None:
    client = make()
    with Target() as elsewhere:
        location = f"HTTP/1.1 307 No\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
        target.then(lambda exchange: exchange.send(location))
        save(client, hook(target))
        tell(client, joined())
        target.told(2)
        assert elsewhere.connections == 0


def test_events_of_a_room_keep_their_order_and_others_do_not_wait(make: Inbound, target: Target) -> None:
    client = make()
    save(client, hook(target))
    target.then(refused)
    tell(client, joined("EV_1", room="slow"))
    target.told(1)
    for number in (2, 3):
        tell(client, joined(f"EV_{number}", room="slow"))
    tell(client, joined("EV_4", room="quick"))
    ids = [hit.headers["x-sayna-event-id"] for hit in target.told(5)]
    assert ids == ["EV_1", "EV_4", "EV_1", "EV_2", "EV_3"]


def test_dead_targets_hold_up_nobody_and_livekit_is_answered_at_once(make: Inbound, target: Target) -> None:
    client = make()
    threads = threading.active_count()
    with FaultServer() as dead:
        dead.always(lambda exchange: exchange.hang())
        save(client, hook(dead, "dead.example.com"), hook(target))
        took = []
        for number in range(1000):
            attributes = {**ATTRIBUTES, "sip.h.x-to-ip": "dead.example.com"}
            started = time.monotonic()
            assert tell(client, joined(f"D_{number}", room=f"{number}", attributes=attributes)).status_code == 200
            took.append(time.monotonic() - started)
        started = time.monotonic()
        tell(client, joined())
        target.told(1, 4)
        assert sorted(took)[990] < 0.2
        assert dead.connections <= 12
        assert threading.active_count() - threads < 20


def test_full_queue_sends_livekit_away_for_that_host_only(
    make: Inbound, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayna.sip.outbox.MAX_WAITING_AT_HOST", 2)
    client = make()
    with FaultServer() as dead:
        dead.always(lambda exchange: exchange.hang())
        save(client, hook(dead), hook(target, "b.example.com"))
        answers = [tell(client, joined(f"EV_{number}", room=f"{number}")).status_code for number in range(3)]
        assert answers == [200, 200, 503]
        attributes = {**ATTRIBUTES, "sip.h.x-to-ip": "b.example.com"}
        assert tell(client, joined("EV_9", attributes=attributes)).status_code == 200
        target.told(1)


def refused_once(make: Inbound, target: Target) -> FlaskClient:
    """Return a server with one event that its hook did not take."""
    client = make()
    save(client, hook(target))
    target.then(refused)
    tell(client, joined())
    target.told(1)
    return client


def test_hook_that_was_removed_gets_nothing_more(
    make: Inbound, target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = refused_once(make, target)
    drop(client, "a.example.com")
    until(lambda: waiting(tmp_path) == 0, 10, "the event was dropped")
    assert len(target.hits) == 1
    assert "no_hook" in capsys.readouterr().err


def test_event_that_nobody_took_for_an_hour_is_dropped_with_its_id_in_the_log(
    make: Inbound, target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused_once(make, target)
    with sqlite3.connect(tmp_path / "cache" / "sip" / "deliveries.sqlite") as database:
        database.execute("UPDATE waiting SET created = created - 3600")
    database.close()
    until(lambda: waiting(tmp_path) == 0, 10, "the event was dropped")
    said = capsys.readouterr().err
    assert "expired" in said
    assert "+1555" not in said


def test_private_target_is_refused_at_delivery_too(
    telephones: FakeSipClient, make_client: MakeClient, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name may lead to the internet when the hook is saved, and home when it is used."""
    client = make_client(**telephones.settings, **SETTINGS)
    url = f"https://localhost:{target.port}/"
    save(client, {"host": "a.example.com", "url": url})
    strict = make_client(**telephones.settings, **{**SETTINGS, "SIP_HOOK_ALLOW_PRIVATE": "false"})
    assert tell(strict, joined()).status_code == 200
    said = ""

    def refused_it() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return "NotAllowed" in said

    until(refused_it, 10, "the target was refused")
    assert target.connections == 0


def test_whatever_a_caller_sends_has_an_answer(make: Inbound, target: Target) -> None:
    client = make()
    save(client, hook(target))
    dice = random.Random(6)
    alphabet = '<>"\\@:;?,=[]{}%\x00\r\n\t é\ud800sipsA.example.com0tel:'
    for number in range(100):
        header = "".join(dice.choices(alphabet, k=dice.randrange(60)))
        attributes = {**ATTRIBUTES, "sip.h.x-to-ip": header, f"sip.h.{header}": header * 100}
        assert tell(client, joined(f"F_{number}", room=f"r{number}", attributes=attributes)).status_code == 200
    strange = {**ATTRIBUTES, "sip.h.x-evil": "\ud800\r\n" + "x" * 5000}
    assert tell(client, joined("EV é\r\n", attributes=strange)).status_code == 200
    until(
        lambda: any(hit.headers["x-sayna-event-id"].startswith("sha256:") for hit in target.hits),
        10,
        "it came",
    )
    [hit] = [hit for hit in target.hits if hit.headers["x-sayna-event-id"].startswith("sha256:")]
    event = verified(hit)
    assert event.sip_headers is not None
    assert event.sip_headers["x-evil"].startswith("?\r\nxxx")
    assert len(hit.body) < 5000


def test_disk_that_takes_nothing_sends_livekit_away(make: Inbound, target: Target, tmp_path: Path) -> None:
    client = make()
    save(client, hook(target))
    file = tmp_path / "cache" / "sip" / "deliveries.sqlite"
    file.mkdir(parents=True, mode=0o700)
    assert tell(client, joined()).status_code == 503
    file.rmdir()
    assert tell(client, joined()).status_code == 200
    target.told(1)


def test_without_a_secret_nothing_is_sent(
    telephones: FakeSipClient,
    make_client: MakeClient,
    target: Target,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    client = make_client(**telephones.settings, SIP_HOOK_ALLOW_PRIVATE="true")
    save(client, hook(target))
    tell(client, joined())
    until(lambda: waiting(tmp_path) == 0, 10, "the event was dropped")
    said = capsys.readouterr().err
    assert "SIP_HOOK_SECRET" in said
    assert "no_secret" in said
    assert target.connections == 0


def test_without_a_cache_folder_events_are_told_all_the_same_and_the_log_warns(
    make: Inbound, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    client = make(CACHE_PATH="", SIP_HOOKS_JSON=json.dumps([hook(target)]))
    assert "CACHE_PATH is not set" in capsys.readouterr().err
    assert tell(client, joined()).status_code == 200
    assert verified(target.told(1)[0]).room.name == "lobby"


def test_broken_queue_is_kept_aside_and_events_go_on(make: Inbound, target: Target, tmp_path: Path) -> None:
    client = make()
    save(client, hook(target))
    tell(client, joined())
    target.told(1)
    until(lambda: waiting(tmp_path) == 0, 10, "the queue is empty")
    file = tmp_path / "cache" / "sip" / "deliveries.sqlite"
    replaced = file.with_name("junk")
    replaced.write_bytes(b"this is no database" * 1000)
    replaced.replace(file)
    until(lambda: list(file.parent.glob("*.corrupt-*")), 10, "it is kept aside")
    assert tell(client, joined("EV_2")).status_code == 200
    assert target.told(2)[1].headers["x-sayna-event-id"] == "EV_2"


def test_event_that_cannot_be_crossed_out_is_told_again_after_a_pause(
    make: Inbound, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayna.sip.delivery.NOT_NOTED_SECONDS", 1.5)
    client = make()
    save(client, hook(target))
    target.then(refused)
    tell(client, joined())
    target.told(1)
    stuck = "CREATE TRIGGER stuck BEFORE DELETE ON waiting BEGIN SELECT RAISE(ABORT, 'stuck'); END"
    with sqlite3.connect(tmp_path / "cache" / "sip" / "deliveries.sqlite") as database:
        database.execute(stuck)
    target.told(2)
    begun = time.monotonic()
    target.told(3)
    assert time.monotonic() - begun > 1
    database.execute("DROP TRIGGER stuck")
    database.close()
    until(lambda: waiting(tmp_path) == 0, 10, "it is crossed out")
