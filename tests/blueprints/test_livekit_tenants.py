import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from livekit import api
from werkzeug.test import TestResponse

from sayna.caller import Caller
from sayna.livekit.rooms import Rooms
from sayna.state.files import exclusive
from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A, bearer, failed, mute, read, remove, token
from tests.wire.twirp import FakeLiveKit, Reply, refusal

NOBODY_S = ["", "{}", '{"auth_id":7}', '{"auth_id":["b"]}', "not json", '{"auth_id":"B"}', '{"auth_id":" b"}']
TWO_OWNERS = '{"auth_id":"a","auth_id":"b"}'


def rooms_of(client: FlaskClient) -> Rooms:
    rooms: Rooms = client.application.extensions["sayna"].livekit.rooms
    return rooms


def test_new_room_is_claimed_before_its_token_is_signed(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    assert token(tenants, tenant="b").status_code == 200
    assert livekit.rooms["lobby"].metadata == '{"auth_id":"b"}'
    assert livekit.calls == ["ListRooms", "CreateRoom"]


def test_token_for_a_room_of_one_s_own_asks_once(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("lobby", OWNED_BY_A)
    assert token(tenants, tenant="a").status_code == 200
    assert livekit.calls == ["ListRooms"]


def test_new_room_gets_the_settings_of_rooms(livekit: FakeLiveKit, make_client: MakeClient) -> None:
    limits = {"EMPTY_TIMEOUT_SECONDS": "60", "DEPARTURE_TIMEOUT_SECONDS": "5", "MAX_PARTICIPANTS": "3"}
    asked: list[Any] = []

    def note(method: str, message: Any) -> None:
        if method == "CreateRoom":
            asked.append(message)

    livekit.script = note
    client = make_client(**livekit.settings, **AUTH, **{f"LIVEKIT_{name}": value for name, value in limits.items()})
    assert token(client, tenant="a").status_code == 200
    [room] = asked
    assert (room.empty_timeout, room.departure_timeout, room.max_participants) == (60, 5, 3)
    assert room.metadata == OWNED_BY_A


@pytest.mark.parametrize(("seconds", "word"), [(0, "LIVEKIT_API_KEY"), (600, "differ by"), (-600, "differ by")])
def test_refused_key_and_wrong_clock_are_told_apart(
    tenants: FlaskClient, livekit: FakeLiveKit, seconds: int, word: str
) -> None:
    livekit.clock_offset = seconds
    livekit.script = lambda *_: Reply(401, b"invalid token", "text/plain")
    answer = token(tenants, tenant="a")
    assert failed(answer) == (500, "LIVEKIT_UNAVAILABLE")
    assert word in answer.get_json()["error"]
    assert "try again" not in answer.get_json()["error"]


def test_room_is_entered_while_livekit_lists_its_old_metadata(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("lobby")
    livekit.stale_lists = 3
    livekit.answer("UpdateRoomMetadata", api.UpdateRoomMetadataRequest(room="lobby", metadata=OWNED_BY_A))
    livekit.calls.clear()
    assert token(tenants, tenant="a").status_code == 200
    assert livekit.calls == ["ListRooms"] * 4


@pytest.mark.parametrize("metadata", [OWNED_BY_A, *NOBODY_S, TWO_OWNERS])
def test_foreign_or_unowned_room_is_never_claimed(tenants: FlaskClient, livekit: FakeLiveKit, metadata: str) -> None:
    livekit.open("lobby", metadata)
    assert failed(token(tenants, tenant="b")) == (403, "ROOM_ACCESS_DENIED")
    assert livekit.rooms["lobby"].metadata == metadata
    assert set(livekit.calls) == {"ListRooms"}


def test_list_holds_only_one_s_own_rooms(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    for number, metadata in enumerate([OWNED_BY_A, *NOBODY_S, TWO_OWNERS, '{"auth_id":"b"}']):
        livekit.open(f"room {number}", metadata)
    listed = {name: tenants.get("/livekit/rooms", headers=bearer(name)).get_json()["rooms"] for name in "ab"}
    assert [room["name"] for room in listed["a"]] == ["room 0"]
    assert [room["name"] for room in listed["b"]] == ["room 9"]


ACTIONS: dict[str, Callable[..., TestResponse]] = {"read": read, "remove": remove, "mute": mute}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("metadata", [OWNED_BY_A, "", TWO_OWNERS])
def test_foreign_room_answers_like_a_missing_one(
    tenants: FlaskClient, livekit: FakeLiveKit, action: str, metadata: str
) -> None:
    def ask() -> tuple[dict[str, Any], list[str]]:
        livekit.calls.clear()
        answer = ACTIONS[action](tenants, tenant="b")
        assert answer.status_code == 404
        return {**answer.get_json(), "request_id": "", "headers": sorted(answer.headers.keys())}, sorted(livekit.calls)

    missing = ask()
    livekit.open("lobby", metadata)
    livekit.join("lobby", "ann", "TR_1")
    assert ask() == missing
    assert not {"RemoveParticipant", "MutePublishedTrack"} & set(livekit.calls)
    assert [info.identity for info in livekit.people["lobby"]] == ["ann"]


def test_owner_acts_with_the_fewest_questions(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("lobby", OWNED_BY_A)
    livekit.join("lobby", "ann", "TR_1")
    expected: dict[Callable[..., TestResponse], list[str]] = {
        read: ["ListParticipants", "ListRooms"],
        mute: ["GetParticipant", "ListRooms", "MutePublishedTrack"],
        remove: ["ListRooms", "RemoveParticipant"],
    }
    for action, calls in expected.items():
        livekit.calls.clear()
        assert action(tenants, tenant="a").status_code == 200
        assert sorted(livekit.calls) == calls


@pytest.mark.parametrize("action", [read, mute])
def test_first_two_requests_are_sent_in_parallel(
    tenants: FlaskClient, livekit: FakeLiveKit, action: Callable[..., TestResponse]
) -> None:
    livekit.open("lobby", OWNED_BY_A)
    livekit.join("lobby", "ann", "TR_1")
    both = threading.Barrier(2, timeout=30)

    def meet(method: str, message: object) -> None:
        if method != "MutePublishedTrack":
            both.wait()

    livekit.script = meet
    assert action(tenants, tenant="a").status_code == 200


def test_caller_without_a_tenant_has_the_rooms_without_an_owner(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    rooms, guest = rooms_of(tenants), Caller()
    rooms.settle(guest, "new")
    assert livekit.rooms["new"].metadata == ""
    rooms.settle(guest, "new")
    livekit.open("owned", OWNED_BY_A)
    livekit.open("unclear", TWO_OWNERS)
    assert [room.name for room in rooms.visible(guest)] == ["new"]
    assert failed(token(tenants, "new", tenant="b")) == (403, "ROOM_ACCESS_DENIED")


def test_two_tenants_at_once_get_one_winner_each_time(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    def ask(job: tuple[int, str]) -> tuple[int, str, int]:
        number, tenant = job
        answer = token(tenants.application.test_client(), f"room {number}", tenant)
        return number, tenant, answer.status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [(number, tenant) for number in range(25) for tenant in "ab"]))
    for number in range(25):
        winners = [tenant for n, tenant, status in answers if n == number and status == 200]
        losers = [tenant for n, tenant, status in answers if n == number and status == 403]
        assert len(winners) == len(losers) == 1
        assert livekit.rooms[f"room {number}"].metadata == f'{{"auth_id":"{winners[0]}"}}'


def test_loser_of_a_race_on_another_machine_heals_the_list(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    """The live room is a's; the store, which ListRooms reads, was overwritten by b's CreateRoom."""

    def race(method: str, message: Any) -> Reply | None:
        if method == "CreateRoom":
            live = livekit.open(message.name, OWNED_BY_A)
            reply = Reply(body=live.SerializeToString())
            live.metadata = message.metadata
            return reply
        unchanged = method == "UpdateRoomMetadata" and message.metadata == OWNED_BY_A
        return Reply() if unchanged else None

    livekit.script = race
    assert failed(token(tenants, tenant="b")) == (403, "ROOM_ACCESS_DENIED")
    assert json.loads(livekit.rooms["lobby"].metadata) == {"auth_id": "a"}
    assert failed(token(tenants, tenant="b")) == (403, "ROOM_ACCESS_DENIED")
    assert token(tenants, tenant="a").status_code == 200


def test_loser_stays_a_loser_when_healing_fails(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    def race(method: str, message: Any) -> Reply | None:
        if method == "CreateRoom":
            return Reply(body=livekit.open(message.name, OWNED_BY_A).SerializeToString())
        return refusal(500, "internal") if livekit.calls.count("ListRooms") > 1 else None

    livekit.script = race
    assert failed(token(tenants, tenant="b")) == (403, "ROOM_ACCESS_DENIED")


def test_claim_holds_without_a_folder_for_its_lock(tenants: FlaskClient, livekit: FakeLiveKit, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / "livekit").write_text("a file where the folder should be")
    assert token(tenants, tenant="a").status_code == 200
    assert failed(token(tenants, tenant="b")) == (403, "ROOM_ACCESS_DENIED")


def test_token_fails_while_another_request_creates_the_room(
    make_client: MakeClient, livekit: FakeLiveKit, tmp_path: Path
) -> None:
    client = make_client(**livekit.settings, **AUTH, LIVEKIT_TIMEOUT_SECONDS="0.3")
    assert token(client, tenant="a").status_code == 200
    livekit.rooms.clear()
    [lock] = (tmp_path / "cache" / "livekit").glob("room-*.lock")
    with exclusive(lock, 1):
        assert failed(token(client, tenant="b")) == (500, "LIVEKIT_UNAVAILABLE")
    assert livekit.rooms == {}


def test_name_that_livekit_does_not_take_is_the_caller_s_mistake(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.script = lambda method, message: (
        refusal(400, "invalid_argument", "room name length exceeds limits") if method == "CreateRoom" else None
    )
    assert failed(token(tenants, "😀" * 128, tenant="a")) == (400, "INVALID_REQUEST")
