"""Voice ids as servers that speak OpenAI's API have them: listed, taken, and percent-encoded in headers."""

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.wire.openai import OpenAIFake

NAMES = {
    "FunAudioLLM/CosyVoice2-0.5B:alex": "FunAudioLLM/CosyVoice2-0.5B:alex",
    "Claribel Dervla": "Claribel%20Dervla",
    "中文女": "%E4%B8%AD%E6%96%87%E5%A5%B3",
    "Zoë": "Zo%C3%AB",
    "50% off": "50%25%20off",
    "x" * 128: "x" * 128,
}
REFUSED = ("../x", "a/../b", "a\\b", "a\nb", "a\u202eb", "a ", " a", "-a", "x" * 129, "a\u00a0b", "<a>")


@pytest.fixture
def fake() -> Iterator[OpenAIFake]:
    with OpenAIFake() as running:
        yield running


@pytest.fixture
def client(fake: OpenAIFake, make_client: MakeClient) -> FlaskClient:
    return make_client(OPENAI_BASE_URL=f"{fake.url}/v1/")


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_voice_is_taken_and_encoded_in_headers(client: FlaskClient, fake: OpenAIFake, name: str) -> None:
    body = {"text": "x", "provider": "openai", "voice_id": name, "audio_format": "linear16"}
    for _ in range(2):
        answer = client.post("/speak", json=body)
        assert answer.status_code == 200
        assert answer.get_json()["metadata"]["voice_id"] == name
        assert answer.headers["x-voice-id"] == NAMES[name]
        assert unquote(answer.headers["x-voice-id"]) == name
    assert [sent["voice"] for sent in fake.bodies] == [name]


@pytest.mark.parametrize("name", REFUSED)
def test_name_that_is_no_voice_is_refused(client: FlaskClient, fake: OpenAIFake, name: str) -> None:
    answer = client.post("/speak", json={"text": "x", "provider": "openai", "voice_id": name})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")
    assert fake.hits == []


def test_voices_lists_every_name_that_speak_takes(client: FlaskClient, fake: OpenAIFake) -> None:
    fake.voices = {"voices": [*NAMES, *REFUSED]}
    listed = client.get("/voices?provider=openai").get_json()["openai"]
    assert [voice["id"] for voice in listed if voice["id"] in NAMES] == list(NAMES)
    assert not {voice["id"] for voice in listed} & {"../x", "a\\b", "<a>"}


@pytest.mark.parametrize("provider", ["azure", "deepgram", "elevenlabs"])
@pytest.mark.parametrize("name", ["a/b", "Claribel Dervla", "中文女", "../x"])
def test_name_is_refused_where_it_goes_into_a_path_or_ssml(provider: str, name: str, make_client: MakeClient) -> None:
    keys = dict.fromkeys(("AZURE_SPEECH_SUBSCRIPTION_KEY", "DEEPGRAM_API_KEY", "ELEVENLABS_API_KEY"), "k")
    answer = make_client(**keys).post("/speak", json={"text": "x", "provider": provider, "voice_id": name})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")
