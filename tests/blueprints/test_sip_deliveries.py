"""Deliveries of stored events: retries, order, expiry, and hooks that fail."""

import sqlite3
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.blueprints.telephones import PBX, dial, drop, save
from tests.e2e.program import until
from tests.sip.inbound import SETTINGS, Target, hook, joined, outbound, refuse, send_event, verified, waiting
from tests.wire import FaultServer
from tests.wire.telephone import FakeSipClient


def test_event_is_delivered_until_it_is_accepted(inbound: MakeClient, target: Target) -> None:
    client = inbound()
    save(client, hook(target))
    target.then(refuse, lambda exchange: exchange.reset())
    assert send_event(client, joined()).status_code == 200
    assert send_event(client, joined()).status_code == 200
    hits = target.received(3)
    assert [verified(hit).room.name for hit in hits] == ["lobby"] * 3
    assert {hit.headers["x-sayna-event-id"] for hit in hits} == {"EV_1"}
    assert send_event(client, joined("EV_2")).status_code == 200
    assert target.received(4)[3].headers["x-sayna-event-id"] == "EV_2"


def test_redirect_of_a_hook_is_not_followed(inbound: MakeClient, target: Target) -> None:
    client = inbound()
    with Target() as elsewhere:
        location = f"HTTP/1.1 307 No\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
        target.then(lambda exchange: exchange.send(location))
        save(client, hook(target))
        send_event(client, joined())
        target.received(2)
        assert elsewhere.connections == 0


def test_events_of_a_room_keep_their_order(inbound: MakeClient, target: Target) -> None:
    client = inbound()
    save(client, hook(target))
    target.then(refuse)
    send_event(client, joined("EV_1", room="slow"))
    target.received(1)
    for number in (2, 3):
        send_event(client, joined(f"EV_{number}", room="slow"))
    send_event(client, joined("EV_4", room="quick"))
    ids = [hit.headers["x-sayna-event-id"] for hit in target.received(5)]
    assert ids == ["EV_1", "EV_4", "EV_1", "EV_2", "EV_3"]


def test_hook_that_fails_delays_no_other_of_its_room(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**PBX)
    with Target() as failing:
        failing.always(refuse)
        ends = {"events": ["call_ended"]}
        save(client, {**hook(failing, "a.example.com"), **ends}, {**hook(target, "b.example.com"), **ends})
        dial(client)
        phone = telephones.hang_up("lobby", "bob")
        assert send_event(client, outbound("participant_left", "EV_1", phone, reason=1)).status_code == 200
        assert target.received(1)[0].json()["sip_call_id"] == "SCL_1"
        assert failing.received(1)


def refused_once(inbound: MakeClient, target: Target) -> FlaskClient:
    """Return a server with one event that its hook did not take."""
    client = inbound()
    save(client, hook(target))
    target.then(refuse)
    send_event(client, joined())
    target.received(1)
    return client


def test_removed_hook_gets_no_more_events(
    inbound: MakeClient, target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = refused_once(inbound, target)
    drop(client, "a.example.com")
    until(lambda: waiting(tmp_path) == 0, 60, "the event was dropped")
    assert len(target.hits) == 1
    assert "no_hook" in capsys.readouterr().err


def test_event_expires_after_an_hour(
    inbound: MakeClient, target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused_once(inbound, target)
    with sqlite3.connect(tmp_path / "cache" / "sip" / "deliveries.sqlite") as database:
        database.execute("UPDATE waiting SET created = created - 3600")
    database.close()
    until(lambda: waiting(tmp_path) == 0, 60, "the event was dropped")
    said = capsys.readouterr().err
    assert "expired" in said
    assert "+1555" not in said


def test_private_address_is_refused_at_delivery(
    telephones: FakeSipClient, make_client: MakeClient, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name may lead to the internet when the hook is saved, and home when it is used."""
    client = make_client(**telephones.settings, **SETTINGS)
    url = f"https://localhost:{target.port}/"
    save(client, {"host": "a.example.com", "url": url})
    strict = make_client(**telephones.settings, **{**SETTINGS, "SIP_HOOK_ALLOW_PRIVATE": "false"})
    assert send_event(strict, joined()).status_code == 200
    said = ""

    def is_refused() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return "NotAllowed" in said

    until(is_refused, 60, "the target was refused")
    assert target.connections == 0


def test_event_without_a_secret_is_dropped(
    telephones: FakeSipClient,
    make_client: MakeClient,
    target: Target,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    client = make_client(**telephones.settings, SIP_HOOK_ALLOW_PRIVATE="true")
    save(client, hook(target))
    send_event(client, joined())
    until(lambda: waiting(tmp_path) == 0, 60, "the event was dropped")
    said = capsys.readouterr().err
    assert "SIP_HOOK_SECRET" in said
    assert "no_secret" in said
    assert target.connections == 0


def test_broken_outbox_is_renamed_and_events_go_on(inbound: MakeClient, target: Target, tmp_path: Path) -> None:
    client = inbound()
    save(client, hook(target))
    send_event(client, joined())
    target.received(1)
    until(lambda: waiting(tmp_path) == 0, 60, "the outbox is empty")
    file = tmp_path / "cache" / "sip" / "deliveries.sqlite"
    replaced = file.with_name("junk")
    replaced.write_bytes(b"this is no database" * 1000)
    replaced.replace(file)
    until(lambda: list(file.parent.glob("*.corrupt-*")), 60, "the file is renamed")
    assert send_event(client, joined("EV_2")).status_code == 200
    assert target.received(2)[1].headers["x-sayna-event-id"] == "EV_2"


def test_hanging_hook_delays_neither_livekit_nor_other_hooks(inbound: MakeClient, target: Target) -> None:
    client = inbound()
    with FaultServer() as dead:
        dead.always(lambda exchange: exchange.hang())
        save(client, hook(dead), hook(target, "b.example.com"))
        for number in range(20):
            assert send_event(client, joined(f"EV_{number}", room=f"{number}")).status_code == 200
        attributes = {"sip.h.x-to-ip": "b.example.com"}
        assert send_event(client, joined("EV_b", attributes=attributes)).status_code == 200
        assert target.received(1)[0].headers["x-sayna-event-id"] == "EV_b"
        # An event that waited for its hook would have opened a connection of its own.
        assert dead.connections < 20
