"""POST /speak and what stands in a text: cleaned, refused when there is nothing to say, never a 5xx."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


def spoken(client: FlaskClient, text: str, **fields: Any) -> dict[str, Any]:
    answer = client.post("/speak", json={"text": text, "provider": "espeak", **fields})
    assert answer.status_code == 200, answer.data
    metadata: dict[str, Any] = answer.get_json()["metadata"]
    return metadata


@pytest.mark.parametrize("text", ["...", "—", "?", '"', "\u200b", "\ufe0f", "\U0001fae8", ". " * 60])
def test_text_with_nothing_to_say_is_empty(client: FlaskClient, text: str) -> None:
    answer = client.post("/speak", json={"text": text, "provider": "espeak"})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "EMPTY_TEXT")
    assert "there is nothing to say in this text" in answer.get_json()["error"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("10\u202f000 euros", "10 000 euros"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffhi", "hi"),
        (" \t hi\r\n", "hi"),
        ("\u00a0hi\x07", "hi"),
        ("\u2029hi \u3164", "hi"),
    ],
)
def test_the_cache_key_is_of_the_cleaned_text(client: FlaskClient, text: str, same: str) -> None:
    assert spoken(client, text)["cache_key"] == spoken(client, same)["cache_key"]


@pytest.mark.parametrize("text", ["---लच्छेद", "hello ---लच्छेद", "\"'-दल"])
def test_text_that_kills_the_engine_is_spoken(client: FlaskClient, text: str) -> None:
    assert spoken(client, text, language="hi")["duration_ms"] > 100


def test_control_characters_do_not_change_later_speech(client: FlaskClient) -> None:
    before = spoken(client, "Hello, here is the news of today.")["duration_ms"]
    spoken(client, "\x0150T\x0130H x")
    after = spoken(client, "Hello, here is the news of today!")["duration_ms"]
    assert after == pytest.approx(before, rel=0.05)


VOICES: list[dict[str, Any]] = [
    {"speaking_rate": 1.5, "unknown": 1},
    {"language": "de", "pronunciations": [{"word": "two", "pronunciation": "zwei"}]},
    {"markup": "ssml"},
]


@pytest.mark.parametrize("voice", VOICES, ids=["rate", "words", "ssml"])
@pytest.mark.parametrize("text", ["number two", "<speak>two</speak>", "...", "\ud800", 7, None, "x" * 9000])
def test_text_in_a_known_voice_is_answered_as_in_a_new_one(
    make_client: MakeClient, voice: dict[str, Any], text: object
) -> None:
    told = []
    for first in ("number one", ""):
        client = make_client(MAX_TEXT_CHARS="8000")
        for each in (first, text):
            answer = client.post("/speak", json={"text": each, "provider": "espeak", **voice})
        body = answer.get_json()
        shown = body.get("metadata", body)
        # The second client has the cache of the first one.
        shown = {name: value for name, value in shown.items() if name not in ("request_id", "cached")}
        told.append((answer.status_code, answer.headers.get("x-ignored-fields"), shown))
    assert told[0] == told[1]
