"""POST /livekit/token for stock LiveKit clients: reference/compat.md, section 9."""

from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from livekit import api

from tests.blueprints.rooms import bearer, failed
from tests.wire.twirp import SECRET, FakeLiveKit, Reply

AGENTS = {"agents": [{"agent_name": "helper", "metadata": "hello", "unknown": 1}, {"agent_name": "second"}]}
PATH = "/livekit/token"


def claims(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(jwt.decode(answer.get_json()["participant_token"], SECRET, algorithms=["HS256"]))


@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"json": {"room_name": None}}])
def test_absent_names_are_made_up(open_client: FlaskClient, livekit: FakeLiveKit, sent: dict[str, Any]) -> None:
    answer = open_client.post(PATH, **sent)
    body, made = answer.get_json(), claims(answer)

    assert body["room_name"].startswith("room-")
    assert body["participant_identity"].startswith("user-")
    assert (made["sub"], made["name"], made["video"]["room"]) == (
        body["participant_identity"],
        body["participant_identity"],
        body["room_name"],
    )
    assert body["server_url"] == livekit.settings["LIVEKIT_URL"]
    assert not {"roomConfig", "metadata", "attributes"} & set(made)


def test_two_bodies_without_names_get_two_rooms(open_client: FlaskClient) -> None:
    first, second = (open_client.post(PATH).get_json() for _ in range(2))

    assert first["room_name"] != second["room_name"]
    assert first["participant_identity"] != second["participant_identity"]


def test_all_six_fields_go_into_the_token(open_client: FlaskClient, livekit: FakeLiveKit) -> None:
    made = claims(
        open_client.post(
            PATH,
            json={
                "room_name": "lobby",
                "participant_identity": "ann",
                "participant_name": "Ann",
                "participant_metadata": "m",
                "participant_attributes": {"x": "1"},
                "room_config": AGENTS,
            },
        )
    )

    assert (made["sub"], made["name"], made["video"]["room"]) == ("ann", "Ann", "lobby")
    assert (made["metadata"], made["attributes"]) == ("m", {"x": "1"})
    agents = [{"agentName": "helper", "metadata": "hello"}, {"agentName": "second", "metadata": ""}]
    assert made["roomConfig"] == {"agents": agents}
    assert livekit.calls == []


def test_agents_enter_a_room_that_is_created_for_the_tenant(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    created: list[Any] = []

    def script(method: str, message: Any) -> Reply | None:
        if method == "CreateRoom":
            created.append(message)
        return None

    livekit.script = script
    body = {"room_name": "lobby", "room_config": AGENTS}
    for _ in range(2):
        made = claims(tenants.post(PATH, json=body, headers=bearer("a")))
        assert made["roomConfig"]["metadata"] == '{"auth_id":"a"}'
        assert [each["agentName"] for each in made["roomConfig"]["agents"]] == ["helper", "second"]

    # The second request finds the room open, and no agent is called into it again.
    assert len(created) == 1
    dispatched = api.CreateRoomRequest.FromString(created[0].SerializeToString()).agents
    assert [(each.agent_name, each.metadata) for each in dispatched] == [("helper", "hello"), ("second", "")]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"room_config": {"egress": {}}}, "egress"),
        ({"room_config": {"max_participants": 3}}, "max_participants"),
        ({"room_config": {"agents": [{"agent_name": "a"}] * 11}}, "agents"),
        ({"room_config": {"agents": [{"metadata": "a"}]}}, "agent_name"),
        ({"room_config": []}, "room_config"),
        ({"participant_attributes": {"sip.callID": "1"}}, "sip."),
        ({"participant_attributes": {"lk.agent.name": "1"}}, "lk."),
        ({"participant_attributes": {"a": 1}}, "participant_attributes"),
        ({"participant_attributes": {"a": "x" * 65536}}, "bytes"),
        ({"participant_metadata": "ä" * 32769}, "bytes"),
        ({"participant_metadata": 5}, "participant_metadata"),
        ({"room_name": " ", "participant_metadata": "x"}, "room_name"),
        ({"room_name": "lobby"}, "participant_name"),
        ({"participant_identity": "ann", "room_name": "lobby"}, "participant_name"),
    ],
)
def test_what_is_not_done_is_refused(open_client: FlaskClient, body: dict[str, Any], word: str) -> None:
    answer = open_client.post(PATH, json=body)

    assert failed(answer) == (400, "INVALID_REQUEST")
    assert word in answer.get_json()["error"]
