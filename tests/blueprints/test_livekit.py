from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from livekit import api

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import failed, mute, read, remove, token
from tests.wire.twirp import SECRET, FakeLiveKit, Reply, refusal

ACTIVE = api.ParticipantInfo.State.ACTIVE
ROUTES = {
    "token": token,
    "list": lambda client: client.get("/livekit/rooms"),
    "read": read,
    "remove": remove,
    "mute": mute,
}


def test_token_without_auth_asks_livekit_nothing(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    answer = token(open_client, "Grüße / 中文")
    body = answer.get_json()
    assert answer.status_code == 200
    assert body.keys() == {
        "token", "room_name", "participant_identity", "livekit_url", "participant_token", "server_url",
    }  # fmt: skip
    assert body["token"] == body["participant_token"]
    assert body["livekit_url"] == body["server_url"] == livekit.settings["LIVEKIT_URL"]
    assert (body["room_name"], body["participant_identity"]) == ("Grüße / 中文", "ann")
    assert jwt.decode(body["token"], SECRET, algorithms=["HS256"])["video"]["room"] == "Grüße / 中文"
    assert livekit.calls == []


def test_token_says_where_clients_reach_livekit(make_client: MakeClient, livekit: FakeLiveKit) -> None:
    client = make_client(**livekit.settings, LIVEKIT_PUBLIC_URL="wss://rtc.example.com")
    assert token(client).get_json()["livekit_url"] == "wss://rtc.example.com"


@pytest.mark.parametrize("route", ROUTES)
def test_unconfigured_livekit_says_so_once_the_body_is_good(client: FlaskClient, route: str) -> None:
    assert failed(ROUTES[route](client)) == (500, "LIVEKIT_NOT_CONFIGURED")
    assert failed(token(client, "")) == (400, "INVALID_REQUEST")
    assert failed(mute(client, muted="yes")) == (400, "INVALID_REQUEST")


NAMES = [
    "", " ", "\u3000\n", "x" * 129, "a\nb", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", "a\u2066b",
    7, None, ["x"], True,
]  # fmt: skip


@pytest.mark.parametrize("field", ["room_name", "participant_name", "participant_identity"])
@pytest.mark.parametrize("value", NAMES)
def test_bad_names_are_refused_by_the_name_of_their_field(open_client: FlaskClient, field: str, value: object) -> None:
    answer = token(open_client, **{field: value}) if field != "room_name" else token(open_client, value)  # type: ignore[arg-type]
    assert failed(answer) == (400, "INVALID_REQUEST")
    assert field in answer.get_json()["error"]


@pytest.mark.parametrize("name", ["語" * 86, "語" * 128, "é" * 127 + "語", "😀" * 65])
@pytest.mark.parametrize("field", ["room_name", "participant_name", "participant_identity"])
def test_name_of_more_than_256_bytes_is_refused(open_client: FlaskClient, field: str, name: str) -> None:
    body = {"room_name": "lobby", "participant_name": "Ann", "participant_identity": "ann", field: name}
    answer = open_client.post("/livekit/token", json=body)
    assert failed(answer) == (400, "INVALID_REQUEST")
    assert "256 bytes" in answer.get_json()["error"]
    assert failed(read(open_client, name)) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("name", ["x" * 128, "é" * 128, "語" * 85, "😀" * 64, "a/b?c#d%", "..", "*", "' OR 1=1 --"])
def test_any_other_name_is_taken_as_it_is(open_client: FlaskClient, name: str) -> None:
    assert token(open_client, name, participant_identity=name).get_json()["room_name"] == name


@pytest.mark.parametrize("change", [{"muted": "true"}, {"muted": 1}, {"muted": None}, {"track_sid": ""}])
def test_mute_takes_json_types_for_what_they_are(open_client: FlaskClient, change: dict[str, Any]) -> None:
    assert failed(mute(open_client, **change)) == (400, "INVALID_REQUEST")


def test_removal_without_a_body_is_refused(open_client: FlaskClient) -> None:
    assert failed(open_client.delete("/livekit/participant")) == (400, "INVALID_REQUEST")
    form = open_client.delete("/livekit/participant", data=b"a=1", content_type="application/x-www-form-urlencoded")
    assert failed(form)[0] == 415
    empty = open_client.delete("/livekit/participant", data=b"", content_type="application/json")
    assert failed(empty) == (400, "INVALID_REQUEST")


def test_rooms_are_listed_by_name_with_three_fields(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("second", num_participants=2)
    livekit.open("first", "anything")
    assert open_client.get("/livekit/rooms").get_json() == {
        "rooms": [
            {"name": "first", "num_participants": 0, "creation_time": 1700000000},
            {"name": "second", "num_participants": 2, "creation_time": 1700000000},
        ]
    }
    assert livekit.calls == ["ListRooms"]


def test_room_has_its_participants(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("lobby", '{"topic":"x"}', num_participants=1, max_participants=3, active_recording=True)
    livekit.join(
        "lobby", "ann", "TR_1", name="Ann", state=ACTIVE, kind=3, joined_at=1700000005, metadata="m",
        attributes={"sip.phoneNumber": "+1555"}, is_publisher=True,
    )  # fmt: skip
    assert read(open_client).get_json() == {
        "sid": "RM_lobby",
        "name": "lobby",
        "num_participants": 1,
        "max_participants": 3,
        "creation_time": 1700000000,
        "metadata": '{"topic":"x"}',
        "active_recording": True,
        "participants": [
            {
                "sid": "PA_ann",
                "identity": "ann",
                "name": "Ann",
                "state": "ACTIVE",
                "kind": "SIP",
                "joined_at": 1700000005,
                "metadata": "m",
                "attributes": {"sip.phoneNumber": "+1555"},
                "is_publisher": True,
                "tracks": [{"sid": "TR_1", "kind": "AUDIO", "muted": False, "source": "UNKNOWN"}],
            }
        ],
    }
    assert sorted(livekit.calls) == ["ListParticipants", "ListRooms"]


@pytest.mark.parametrize("listed", [0, 1, 7])
def test_room_counts_the_participants_that_it_names(
    open_client: FlaskClient, livekit: FakeLiveKit, listed: int
) -> None:
    livekit.open("lobby", num_participants=listed)
    livekit.join("lobby", "ann")
    livekit.join("lobby", "bob")
    body = read(open_client).get_json()
    assert body["num_participants"] == len(body["participants"]) == 2


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (0, 0, ("JOINING", "STANDARD")),
        (1, 1, ("JOINED", "INGRESS")),
        (2, 2, ("ACTIVE", "EGRESS")),
        (3, 4, ("DISCONNECTED", "AGENT")),
        (4, 7, ("UNKNOWN", "UNKNOWN")),
        (99, 8, ("UNKNOWN", "UNKNOWN")),
    ],
)
def test_states_and_kinds_have_the_contract_s_words(
    open_client: FlaskClient, livekit: FakeLiveKit, state: int, kind: int, words: tuple[str, str]
) -> None:
    livekit.open("lobby")
    livekit.join("lobby", "ann", state=state, kind=kind)
    [ann] = read(open_client).get_json()["participants"]
    assert (ann["state"], ann["kind"]) == words


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("%2Fa", "/a"),
        ("/a", "/a"),
        ("a//b/", "a//b/"),
        ("caf%C3%A9%20%3F", "café ?"),
        ("..", ".."),
        ("a%252Fb", "a%2Fb"),
    ],
)
def test_name_in_a_path_is_decoded_once(open_client: FlaskClient, livekit: FakeLiveKit, path: str, name: str) -> None:
    livekit.open(name)
    assert read(open_client, path).get_json()["name"] == name
    assert open_client.head(f"/livekit/rooms/{path}").status_code == 200


@pytest.mark.parametrize("path", ["%20", "%0A", "x" * 129, "%E2%80%AE"])
def test_bad_name_in_a_path_never_reaches_livekit(open_client: FlaskClient, livekit: FakeLiveKit, path: str) -> None:
    assert failed(read(open_client, path)) == (400, "INVALID_REQUEST")
    assert livekit.calls == []


def test_missing_room_is_not_found(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    assert failed(read(open_client)) == (404, "ROOM_NOT_FOUND")
    livekit.open("other")
    livekit.script = lambda method, message: None if method != "ListRooms" else _found(livekit.rooms["other"])
    assert failed(read(open_client)) == (404, "ROOM_NOT_FOUND"), "a list that names another room first"


def _found(room: api.Room) -> Reply:
    return Reply(body=api.ListRoomsResponse(rooms=[room]).SerializeToString())


def test_removed_participant_is_gone(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.join("lobby", "ann")
    assert remove(open_client).get_json() == {
        "status": "removed",
        "room_name": "lobby",
        "participant_identity": "ann",
    }
    assert livekit.calls == ["RemoveParticipant"]
    assert failed(remove(open_client)) == (404, "PARTICIPANT_NOT_FOUND")


def test_mute_answers_what_livekit_says(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.join("lobby", "ann", "TR_1")
    for muted in (True, False):
        answer = mute(open_client, muted=muted)
        assert answer.get_json() == {
            "room_name": "lobby", "participant_identity": "ann", "track_sid": "TR_1", "muted": muted,
        }  # fmt: skip
    assert livekit.calls == ["GetParticipant", "MutePublishedTrack"] * 2


@pytest.mark.parametrize(
    ("tracks", "muted"),
    [
        ([("TR_1", 0, 2)], "TR_1"),
        ([("TR_1", 1, 1), ("TR_2", 0, 4), ("TR_3", 0, 2)], "TR_3"),
        ([("TR_1", 1, 1), ("TR_2", 0, 0)], "TR_2"),
        ([("TR_1", 0, 4), ("TR_2", 0, 0)], None),
        ([("TR_1", 1, 1)], None),
        ([], None),
    ],
)
def test_mute_without_a_track_mutes_the_microphone(
    open_client: FlaskClient, livekit: FakeLiveKit, tracks: list[tuple[str, int, int]], muted: str | None
) -> None:
    livekit.open("lobby")
    info = livekit.join("lobby", "ann")
    for sid, kind, source in tracks:
        info.tracks.add(sid=sid, type=kind, source=source)
    answer = mute(open_client, track_sid=None)
    if muted is None:
        assert failed(answer) == (404, "PARTICIPANT_NOT_FOUND")
        return
    assert (answer.status_code, answer.get_json()["track_sid"], answer.get_json()["muted"]) == (200, muted, True)
    shown = read(open_client).get_json()["participants"][0]["tracks"]
    assert [track["sid"] for track in shown if track["muted"]] == [muted]


def test_mute_of_who_is_not_there_never_waits_for_livekit(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.join("lobby", "ben", "TR_2")
    livekit.join("lobby", "ann", "TR_1")
    assert failed(mute(open_client, room_name="nowhere")) == (404, "PARTICIPANT_NOT_FOUND")
    assert failed(mute(open_client, participant_identity="eve")) == (404, "PARTICIPANT_NOT_FOUND")
    assert failed(mute(open_client, track_sid="TR_9")) == (404, "PARTICIPANT_NOT_FOUND")
    assert failed(mute(open_client, track_sid="TR_2")) == (404, "PARTICIPANT_NOT_FOUND"), "ben's track"
    assert "MutePublishedTrack" not in livekit.calls


def test_track_that_vanishes_before_it_is_muted_is_not_found(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.join("lobby", "ann", "TR_1")
    livekit.script = lambda method, message: Reply() if method == "MutePublishedTrack" else None
    assert failed(mute(open_client)) == (404, "PARTICIPANT_NOT_FOUND")


def test_unmuting_where_the_server_forbids_it_names_the_reason(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.join("lobby", "ann", "TR_1")
    no = refusal(412, "failed_precondition", "remote unmute not enabled")
    livekit.script = lambda method, message: no if method == "MutePublishedTrack" else None
    answer = mute(open_client, muted=False)
    assert failed(answer) == (500, "MUTE_FAILED")
    assert "enable_remote_unmute" in answer.get_json()["error"]
    assert "enable_remote_unmute" not in mute(open_client).get_json()["error"]


def test_ten_thousand_rooms_are_listed(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    for number in range(10_000):
        livekit.open(f"room {number}", '{"auth_id":"a"}')
    assert len(open_client.get("/livekit/rooms").get_json()["rooms"]) == 10_000
