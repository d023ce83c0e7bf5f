"""POST /speak with silence around the speech."""

from typing import Any

import pytest
from flask.testing import FlaskClient

BODY = {"text": "Hello", "provider": "espeak"}


def duration_ms(client: FlaskClient, body: dict[str, Any]) -> int:
    answer = client.post("/speak", json=body, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.get_json()
    milliseconds: int = answer.get_json()["metadata"]["duration_ms"]
    return milliseconds


def test_silence_lengthens_the_speech_in_both_forms(client: FlaskClient) -> None:
    plain = duration_ms(client, BODY)
    silence = {"silence_before_ms": 300, "silence_after_ms": 10_000}
    assert duration_ms(client, {**BODY, **silence}) == plain + 10_300
    nested = {"text": "Hello", "tts_config": {"provider": "espeak", **silence}}
    assert duration_ms(client, nested) == plain + 10_300


@pytest.mark.parametrize("value", [-1, 10_001, 1.5, "300", True])
def test_silence_out_of_range_is_named(client: FlaskClient, value: object) -> None:
    answer = client.post("/speak", json={**BODY, "silence_after_ms": value})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")
    assert "silence_after_ms" in answer.get_json()["error"]


def test_silence_and_breaks_together_are_limited(client: FlaskClient) -> None:
    breaks = "<speak>One" + '<break time="10s"/>' * 5 + "two</speak>"
    body = {"text": breaks, "markup": "ssml", "provider": "espeak", "silence_before_ms": 10_000}
    assert client.post("/speak", json=body).status_code == 200
    answer = client.post("/speak", json={**body, "silence_after_ms": 1})
    assert answer.status_code == 400
    assert "60 s" in answer.get_json()["error"]
