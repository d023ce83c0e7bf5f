"""Rooms, tokens and moderation on the real livekit-server 1.13.5."""

import base64
import json
import signal
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.livekit import Person, Studio
from tests.e2e.program import until
from tests.e2e.wire import Answer
from tests.livekit.events import JOINED, encoded, signed


@pytest.fixture
def room() -> str:
    return f"room {uuid.uuid4()} é/😀"


def read(studio: Studio, room: str, tenant: str = "a") -> Answer:
    return studio.ask("GET", f"/livekit/rooms/{quote(room, safe='')}", tenant)


def mute(studio: Studio, room: str, track: str, *, muted: bool, tenant: str = "a") -> Answer:
    body = {"room_name": room, "participant_identity": "ann", "track_sid": track, "muted": muted}
    return studio.ask("POST", "/livekit/participant/mute", tenant, **body)


def remove(studio: Studio, room: str, tenant: str = "a") -> Answer:
    return studio.ask("DELETE", "/livekit/participant", tenant, room_name=room, participant_identity="ann")


def test_room_is_created_listed_and_read_by_its_tenant_alone(studio: Studio, room: str) -> None:
    studio.token(room)
    body = read(studio, room).json()
    assert (body["name"], body["metadata"], body["participants"]) == (room, '{"auth_id":"a"}', [])
    assert body["sid"].startswith("RM_")
    assert abs(body["creation_time"] - time.time()) < 30
    mine = {listed["name"]: listed for listed in studio.ask("GET", "/livekit/rooms").json()["rooms"]}
    assert mine[room] == {"name": room, "num_participants": 0, "creation_time": body["creation_time"]}
    assert room not in [listed["name"] for listed in studio.ask("GET", "/livekit/rooms", "b").json()["rooms"]]
    foreign, missing = read(studio, room, "b"), read(studio, "no such room", "b")
    assert (foreign.status, foreign.json()["error"]) == (404, missing.json()["error"])
    names = {"room_name": room, "participant_name": "B", "participant_identity": "b"}
    assert studio.ask("POST", "/livekit/token", "b", **names).status == 403


def test_participant_joins_with_our_token_is_seen_muted_and_removed(studio: Studio, room: str) -> None:
    with Person(studio.livekit.url, studio.token(room)) as ann:
        joined = ann.sees("connected")
        assert (joined["room"], joined["metadata"], joined["identity"]) == (room, '{"auth_id":"a"}', "ann")
        track = ann.sees("published")["sid"]

        def people() -> list[dict[str, Any]]:
            participants: list[dict[str, Any]] = read(studio, room).json()["participants"]
            return participants

        def is_on_air() -> bool:
            return any(each["is_publisher"] and each["state"] == "ACTIVE" for each in people())

        until(is_on_air, 60, "LiveKit has written down that ann publishes")
        [seen] = people()
        assert (seen["identity"], seen["name"], seen["state"]) == ("ann", "Ann", "ACTIVE")
        assert (seen["kind"], seen["attributes"], seen["is_publisher"]) == ("STANDARD", {}, True)
        assert abs(seen["joined_at"] - time.time()) < 30

        muted: list[Answer] = []

        def is_muted() -> bool:
            muted.append(mute(studio, room, track, muted=True))
            return muted[-1].status == 200

        until(is_muted, 60, "LiveKit lists the track")
        assert muted[-1].json() == {
            "room_name": room, "participant_identity": "ann", "track_sid": track, "muted": True,
        }  # fmt: skip
        assert ann.sees("muted")["sid"] == track
        # What ann's client tells of its muting may come later than the unmuting, and counts then.
        until(lambda: mute(studio, room, track, muted=False).json()["muted"] is False, 60, "LiveKit unmutes the track")
        assert ann.sees("unmuted")["sid"] == track

        for refused in (
            read(studio, room, "b"),
            mute(studio, room, track, muted=True, tenant="b"),
            remove(studio, room, "b"),
            mute(studio, room, "TR_unknown", muted=True),
        ):
            assert refused.status == 404
        ann.sees_nothing()

        assert remove(studio, room).json()["status"] == "removed"
        ann.sees("disconnected")
        until(lambda: not read(studio, room).json().get("participants"), 60, "LiveKit lists ann no longer")
    answer = remove(studio, room)
    assert (answer.status, answer.json()["code"]) == (404, "PARTICIPANT_NOT_FOUND")


def test_unknown_participants_are_not_found_at_once(studio: Studio, room: str) -> None:
    studio.token(room)

    def seconds() -> float:
        started = time.monotonic()
        answers = [
            mute(studio, room, "TR_1", muted=True),
            mute(studio, "no such room", "TR_1", muted=True),
            remove(studio, room),
            remove(studio, "no such room"),
        ]
        assert {(answer.status, answer.json()["code"]) for answer in answers} == {(404, "PARTICIPANT_NOT_FOUND")}
        return time.monotonic() - started

    # A busy machine delays one of them or another, but not all.
    assert min(seconds() for _ in range(5)) < 2


def test_unmuting_is_refused_clearly_where_the_server_forbids_it(make_studio: Callable[..., Studio], room: str) -> None:
    studio = make_studio(unmute=False)
    with Person(studio.livekit.url, studio.token(room)) as ann:
        ann.sees("connected")
        track = ann.sees("published")["sid"]
        # The server lists a track a moment after its client knows of it.
        until(lambda: mute(studio, room, track, muted=True).status == 200, 60, "LiveKit lists the track")
        ann.sees("muted")
        answer = mute(studio, room, track, muted=False)
        assert (answer.status, answer.json()["code"]) == (500, "MUTE_FAILED")
        assert "enable_remote_unmute" in answer.json()["error"]
        ann.sees_nothing()


def test_room_that_a_returning_participant_reopens_has_the_same_owner(studio: Studio, room: str) -> None:
    token = studio.token(room)
    with Person(studio.livekit.url, token) as ann:
        ann.sees("connected")
        ann.sees("published")
    until(lambda: read(studio, room).status == 404, 60, "LiveKit closes the room that all have left")
    with Person(studio.livekit.url, token) as ann:
        assert ann.sees("connected")["metadata"] == '{"auth_id":"a"}'
        ann.sees("published")
        assert read(studio, room).status == 200
        assert read(studio, room, "b").status == 404
        assert studio.token(room, "ben")


def test_livekit_s_own_events_verify_once_each(make_studio: Callable[..., Studio], room: str) -> None:
    studio = make_studio()

    def names() -> list[str]:
        return [event["name"] for event in studio.events()]

    with Person(studio.livekit.url, studio.token(room)) as ann:
        ann.sees("connected")
        ann.sees("published")
        until(lambda: "track_published" in names(), 60, "Sayna hears of the track")
    until(lambda: "room_finished" in names(), 60, "Sayna hears of the end")
    wanted = ["room_started", "participant_joined", "track_published", "participant_left", "room_finished"]
    assert [name for name in names() if name in wanted] == wanted
    assert all(event["new"] for event in studio.events())
    assert "webhook_refused" not in studio.sayna.log


FORBIDDEN: list[tuple[str, str, dict[str, Any]]] = [
    ("RoomService", "ListRooms", {}),
    ("RoomService", "CreateRoom", {"name": "a room of my own"}),
    ("RoomService", "DeleteRoom", {"room": "ROOM"}),
    ("RoomService", "DeleteRoom", {"room": "OTHER"}),
    ("RoomService", "UpdateRoomMetadata", {"room": "ROOM", "metadata": "{}"}),
    ("RoomService", "ListParticipants", {"room": "ROOM"}),
    ("RoomService", "ListParticipants", {"room": "OTHER"}),
    ("RoomService", "RemoveParticipant", {"room": "OTHER", "identity": "ben"}),
    ("RoomService", "SendData", {"room": "OTHER", "data": "aGk=", "kind": 0}),
    ("Egress", "StartRoomCompositeEgress", {"room_name": "ROOM", "file": {"filepath": "x.ogg"}}),
    ("Egress", "StartRoomCompositeEgress", {"room_name": "OTHER", "file": {"filepath": "x.ogg"}}),
    ("Egress", "ListEgress", {}),
    ("SIP", "ListSIPInboundTrunk", {}),
    ("SIP", "CreateSIPParticipant", {"room_name": "ROOM", "sip_trunk_id": "ST_1", "sip_call_to": "+1"}),
]


@pytest.mark.parametrize(("service", "method", "message"), FORBIDDEN)
def test_token_s_holder_can_do_nothing_but_join(
    studio: Studio, room: str, service: str, method: str, message: dict[str, Any]
) -> None:
    token, other = studio.token(room), room + " other"
    studio.token(other, "ben", "b")
    names = {"ROOM": room, "OTHER": other}
    filled = {key: names.get(value, value) if type(value) is str else value for key, value in message.items()}
    answer = studio.livekit.twirp(service, method, token, **filled)
    assert (answer.status, answer.json()["code"]) == (401, "unauthenticated")
    assert read(studio, room).status == read(studio, other, "b").status == 200
    assert read(studio, "a room of my own").status == 404


def test_token_does_not_open_another_room(studio: Studio, room: str) -> None:
    token, other = studio.token(room), room + " other"
    studio.token(other, "ben", "b")
    head, claims, signature = token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed["video"]["room"] = other
    forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    with Person(studio.livekit.url, f"{head}.{forged}.{signature}") as eve:
        eve.sees("refused")
    with Person(f"{studio.livekit.url}?room={other}", token) as ann:
        assert ann.sees("connected")["room"] == room
        ann.sees("published")
        assert read(studio, other, "b").json()["participants"] == []


def test_event_is_new_to_one_worker_and_stays_known_after_a_restart(
    make_studio: Callable[..., Studio],
) -> None:
    studio = make_studio()
    body = encoded(JOINED)
    headers = {"Authorization": signed(body), "Content-Type": "application/webhook+json"}

    def send(_: int) -> int:
        return studio.sayna.address.ask("POST", "/livekit/webhook", body, **headers).status

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(send, range(60))) == {200}
    assert [event["new"] for event in studio.events()].count(True) == 1
    workers = studio.sayna.workers()
    studio.sayna.signal(signal.SIGHUP)
    until(lambda: not set(workers) & set(studio.sayna.workers()), 60, "all workers are new")
    assert send(0) == 200
    assert [event["new"] for event in studio.events()].count(True) == 1
