"""Fields that an endpoint does not know are ignored, and a header names them."""

import pytest
from flask.testing import FlaskClient

from tests.blueprints.telephones import CALL


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"text": "x", "format": "mp3"}, "format"),
        ({"text": "x", "voiceId": "a", "zz": None, "brand_new": {"a": 1}}, "brand_new, voiceId"),
        (
            {"text": "x", "tts_config": {"speed": 2, "voiceId": "x"}, "seed": 1},
            "seed, tts_config.speed, tts_config.voiceId",
        ),
        ({"text": "x", "ttsConfig": {"provider": "espeak"}}, "ttsConfig"),
        ({"text": "x", "a b": 1, "é": 2, "x" * 41: 3, "ok-1.b_C": 4, "a\r\nb": 5}, "ok-1.b_C"),
        ({"text": "x", **{f"f{number:02}": 1 for number in range(30)}}, ", ".join(f"f{n:02}" for n in range(20))),
        ({"text": "x", "voice_id": None}, None),
    ],
)
def test_ignored_fields_are_named_in_a_header(client: FlaskClient, body: dict[str, object], names: str | None) -> None:
    for _ in range(2):
        answer = client.post("/speak", json=body, headers={"Accept": "application/json"})
        assert answer.status_code == 200
        assert answer.headers.get("x-ignored-fields") == names


def test_ignored_fields_have_at_most_500_bytes(client: FlaskClient) -> None:
    answer = client.post("/speak", json={"text": "x", **{f"{'n' * 36}{number:04}": 1 for number in range(20)}})
    told = answer.headers["x-ignored-fields"]
    assert len(told) <= 500
    assert len(told.split(", ")) == 11


def test_ignored_fields_are_named_beside_an_error_too(client: FlaskClient) -> None:
    answer = client.post("/speak", json={"txt": "x", "tts_config": {"colour": 1, "text": "x"}})
    assert answer.status_code == 400
    assert answer.headers["x-ignored-fields"] == "tts_config.colour, tts_config.text, txt"


def test_ignored_fields_of_other_endpoints_are_named(client: FlaskClient) -> None:
    body = {**CALL, "sip": {"outbound_address": "no/host", "authUsername": "x"}, "roomName": "y"}
    answer = client.post("/sip/call", json=body)
    assert answer.status_code == 400
    assert answer.headers["x-ignored-fields"] == "roomName, sip.authUsername"


def test_fields_of_stock_livekit_clients_are_not_ignored(open_client: FlaskClient) -> None:
    body = {"participant_metadata": "x", "room_config": {"agents": [{"agent_name": "helper", "speed": 1}]}, "seed": 1}
    answer = open_client.post("/livekit/token", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "seed"


@pytest.mark.parametrize("name", ["auth", "voice_settings", "audio_format", "tts_config"])
def test_refused_field_of_a_clip_is_not_named_as_ignored(client: FlaskClient, name: str) -> None:
    answer = client.post("/clips", json={"text": "x", name: {"api_key": "k"}, "seed": 1})
    assert (answer.status_code, name in answer.get_json()["error"]) == (400, True)
    assert answer.headers["x-ignored-fields"] == "seed"
