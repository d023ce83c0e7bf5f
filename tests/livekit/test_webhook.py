import base64
import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sayna.config import LiveKitConfig, Secret
from sayna.errors import InvalidRequest
from sayna.livekit.errors import InvalidSignature
from sayna.livekit.events import Event, Receiver, Webhook
from sayna.livekit.tokens import TokenMint
from tests.livekit.events import JOINED, encoded, signed
from tests.livekit.test_deduplicator import event_ids
from tests.wire.twirp import KEY, SECRET

OTHER = "another-secret-of-thirty-two-bytes"


@pytest.fixture
def received() -> list[Event]:
    return []


@pytest.fixture
def webhook(tmp_path: Path, received: list[Event]) -> Webhook:
    return make(tmp_path, received.append)


def make(tmp_path: Path, *receivers: Receiver) -> Webhook:
    return Webhook(Secret(KEY), Secret(SECRET), event_ids(tmp_path / "livekit"), receivers)


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", "BEARER  "])
def test_event_reaches_every_receiver_as_livekit_sent_it(tmp_path: Path, prefix: str) -> None:
    first: list[Event] = []
    second: list[Event] = []
    body = encoded(JOINED)
    make(tmp_path, first.append, second.append).accept(body, prefix + signed(body))
    [event] = first
    assert second == first
    assert (event.id, event.name) == ("EV_1", "participant_joined")
    assert event.room is not None
    assert (event.room.sid, event.room.name, event.room.metadata) == ("RM_1", "lobby", '{"auth_id":"a"}')
    assert event.participant is not None
    assert (event.participant.kind, event.participant.identity) == ("SIP", "sip_+15551234")
    assert event.participant.attributes["sip.h.x-to-ip"] == "a.example.com"


def test_repeated_event_is_accepted_without_a_receiver(webhook: Webhook, received: list[Event]) -> None:
    body = encoded(JOINED)
    for _ in range(10):
        webhook.accept(body, signed(body))
    assert len(received) == 1


def test_event_without_an_id_is_known_by_its_body(webhook: Webhook, received: list[Event]) -> None:
    body = encoded({"event": "room_started"})
    webhook.accept(body, signed(body))
    webhook.accept(body, signed(body))
    assert [event.name for event in received] == ["room_started"]
    assert (received[0].room, received[0].participant) == (None, None)


def test_participant_without_a_kind_is_a_standard_one(webhook: Webhook, received: list[Event]) -> None:
    body = encoded({"event": "participant_joined", "participant": {"identity": "ann"}})
    webhook.accept(body, signed(body))
    assert received[0].participant is not None
    assert received[0].participant.kind == "STANDARD"


@pytest.mark.parametrize(
    ("kind", "word"), [(0, "STANDARD"), (3, "SIP"), ("SIP", "SIP"), (7, "UNKNOWN"), (None, "STANDARD"), (-1, "UNKNOWN")]
)
def test_kind_is_a_name_or_a_number(webhook: Webhook, received: list[Event], kind: Any, word: str) -> None:
    numbers = {"kind": kind, "state": 2, "permission": None}
    body = encoded({**JOINED, "participant": {**JOINED["participant"], **numbers}})
    webhook.accept(body, signed(body))
    assert received[0].participant is not None
    assert received[0].participant.kind == word


def test_event_comes_again_when_a_receiver_fails(tmp_path: Path) -> None:
    received: list[Event] = []

    def fail_once(event: Event) -> None:
        received.append(event)
        if len(received) == 1:
            raise OSError("no room on disk")

    webhook = make(tmp_path, fail_once)
    body = encoded(JOINED)
    with pytest.raises(OSError, match="no room"):
        webhook.accept(body, signed(body))
    webhook.accept(body, signed(body))
    assert len(received) == 2


def participant_token(_: bytes) -> str:
    return TokenMint(Secret(KEY), Secret(SECRET), LiveKitConfig()).token(room="r", identity="i", name="n", tenant=None)


def digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


FORGERIES: dict[str, Callable[[bytes], str]] = {
    "nothing": lambda body: "",
    "no token": lambda body: "Bearer ",
    "no JWT": lambda body: "Bearer x.y.z",
    "not ASCII": lambda body: "Bearer é€",
    "algorithm none": lambda body: signed(body, alg="none"),
    "HS512": lambda body: signed(body, secret=SECRET * 2, alg="HS512"),
    "another secret": lambda body: signed(body, secret=OTHER),
    "another key": lambda body: signed(body, key="otherkey"),
    "no issuer": lambda body: signed(body, iss=None),
    "no end": lambda body: signed(body, exp=None),
    "over": lambda body: signed(body, exp=int(time.time()) - 61),
    "a clock two minutes ahead": lambda body: signed(body, nbf=int(time.time()) + 120),
    "no hash": lambda body: signed(body, sha256=None),
    "a hash of something else": lambda body: signed(body, sha256=digest(body + b" ")),
    "a hash that is no base64": lambda body: signed(body, sha256="***"),
    "a hash that is a number": lambda body: signed(body, sha256=7),
    "a hash in hex": lambda body: signed(body, sha256=hashlib.sha256(body).hexdigest()),
    "a participant's token": participant_token,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_events_are_refused(webhook: Webhook, received: list[Event], forgery: str) -> None:
    body = encoded(JOINED)
    with pytest.raises(InvalidSignature):
        webhook.accept(body, FORGERIES[forgery](body))
    assert not received


@pytest.mark.parametrize("seconds", [-400, 120])
def test_wrong_clock_is_told_as_such(webhook: Webhook, seconds: int) -> None:
    body, theirs = encoded(JOINED), int(time.time()) + seconds
    with pytest.raises(InvalidSignature, match="clocks"):
        webhook.accept(body, signed(body, nbf=theirs, exp=theirs + 300))


@pytest.mark.parametrize("seconds", [-119, -59, 0, 59])
def test_clock_may_be_off_by_a_minute(webhook: Webhook, received: list[Event], seconds: int) -> None:
    body, theirs = encoded(JOINED), int(time.time()) + seconds
    webhook.accept(body, signed(body, nbf=theirs, exp=theirs + 300))
    assert len(received) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"event":""}',
        b'{"event":7}',
        b'{"event":"\xff"}',
        encoded({**JOINED, "room": "lobby"}),
        encoded({**JOINED, "participant": [1]}),
        encoded({**JOINED, "id": 7}),
        encoded({**JOINED, "participant": {"kind": 3.5}}),
        encoded({**JOINED, "participant": {"kind": True}}),
        encoded({**JOINED, "participant": {"attributes": {"a": 1}}}),
        b"[" * 100_000,
    ],
)
def test_signed_body_that_is_no_event_is_refused(webhook: Webhook, received: list[Event], body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        webhook.accept(body, signed(body))
    assert not received


def test_any_attribute_of_a_phone_caller_is_accepted(webhook: Webhook, received: list[Event]) -> None:
    dice = random.Random(4)
    participant: dict[str, Any] = JOINED["participant"]
    letters = '<>;:@"\\\r\n\0 %é€😀\u202e{}[]sip.:'
    for number in range(200):
        header = "".join(dice.choices(letters, k=dice.randrange(200)))
        attributes = {"sip.h.x-to-ip": header, f"sip.h.{header}": header * 10}
        body = encoded({**JOINED, "id": f"EV_{number}", "participant": {**participant, "attributes": attributes}})
        webhook.accept(body, signed(body))
    assert len(received) == 200
