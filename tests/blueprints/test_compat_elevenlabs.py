"""ElevenLabs's dialect at the wire: reference/compat.md, section 6."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.audio.spec import AudioSpec
from tests.audio.sounds import heard
from tests.blueprints.conftest import MakeClient
from tests.wire import answers
from tests.wire.server import FaultServer

SPEECH = "/v1/text-to-speech/espeak:gmw%2Fen-US"
BODY = {"text": "Welcome to Sayna"}
TOKEN = "a-token-of-the-tests"
GUARD = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": TOKEN}


def detail(answer: Any) -> tuple[int, str]:
    """Return the status and the code of an error in the shape that ElevenLabs's SDKs read."""
    body = answer.get_json()
    assert set(body) == {"detail"}
    assert set(body["detail"]) == {"status", "message"}
    return answer.status_code, body["detail"]["status"]


@pytest.mark.parametrize("path", [SPEECH, f"{SPEECH}/stream"])
@pytest.mark.parametrize(
    ("output", "content_type", "spec"),
    [
        ("", "audio/mpeg", AudioSpec("mp3", 44100)),
        ("mp3_22050_32", "audio/mpeg", AudioSpec("mp3", 22050)),
        ("pcm_16000", "audio/pcm", AudioSpec("linear16", 16000)),
        ("wav_44100", "audio/wav", AudioSpec("wav", 44100)),
        ("ulaw_8000", "audio/basic", AudioSpec("mulaw", 8000)),
        ("alaw_8000", "audio/x-alaw-basic", AudioSpec("alaw", 8000)),
        ("opus_48000_64", "audio/ogg", AudioSpec("opus", 48000)),
    ],
)
def test_output_format_is_codec_and_rate(
    client: FlaskClient, path: str, output: str, content_type: str, spec: AudioSpec
) -> None:
    answer = client.post(f"{path}?output_format={output}&enable_logging=true", json=BODY)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    sound = heard(answer.data, spec)
    assert sound.rate == spec.sample_rate
    assert 0.5 < sound.seconds < 4
    assert (answer.headers["x-provider"], answer.headers["x-voice-id"]) == ("espeak", "gmw/en-US")


def test_known_body_is_a_hit_for_the_same_voice_only(client: FlaskClient) -> None:
    asked = (SPEECH, SPEECH, f"{SPEECH}?output_format=pcm_8000", "/v1/text-to-speech/espeak:gmw%2Fen")
    found = [client.post(path, json=BODY, buffered=True).headers for path in asked]

    assert [each["x-cache"] for each in found] == ["MISS", "HIT", "HIT", "MISS"]
    assert len({each["ETag"] for each in found}) == 3


def test_nulls_and_unknown_fields_are_ignored(client: FlaskClient) -> None:
    extra: dict[str, Any] = {
        "voice_settings": None,
        "model_id": None,
        "language_code": None,
        "seed": 1,
        "dictionary": [],
    }
    assert client.post(SPEECH, json={**BODY, **extra}).status_code == 200
    settings = {"speed": 1.1, "stability": 0.5, "similarity_boost": 0.7, "style": 0, "use_speaker_boost": True}
    assert client.post(SPEECH, json={**BODY, "voice_settings": settings}).status_code == 200


def test_model_may_name_the_provider(client: FlaskClient) -> None:
    answer = client.post("/v1/text-to-speech/gmw%2Fen-US", json={**BODY, "model_id": "espeak"})

    assert (answer.status_code, answer.headers["x-provider"]) == (200, "espeak")


def test_other_ids_are_voices_of_elevenlabs(make_client: MakeClient) -> None:
    with FaultServer() as vendor:
        vendor.always(answers.status(404))
        url = f"http://127.0.0.1:{vendor.port}"
        client = make_client(ELEVENLABS_API_KEY="good", ELEVENLABS_BASE_URL=url)
        body = {**BODY, "model_id": "eleven_flash_v2_5", "voice_settings": {"stability": 0.3, "speed": 0.9}}
        client.post("/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", json=body)
        hit = vendor.hits[0]

    assert "21m00Tcm4TlvDq8ikWAM" in hit.path
    assert b"eleven_flash_v2_5" in hit.body
    assert b'"stability":0.3' in hit.body.replace(b" ", b"")


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        (SPEECH, {}, (422, "invalid_parameters")),
        (SPEECH, {"text": 5}, (422, "invalid_parameters")),
        (SPEECH, {"text": " "}, (400, "invalid_request")),
        (SPEECH, {"text": "x" * 5001}, (400, "invalid_request")),
        (SPEECH, {"text": "x", "voice_settings": {"speed": 2}}, (422, "invalid_parameters")),
        (SPEECH, {"text": "x", "voice_settings": []}, (422, "invalid_parameters")),
        (f"{SPEECH}?output_format=aac_44100", BODY, (422, "invalid_parameters")),
        (f"{SPEECH}?output_format=mp3_44100", BODY, (422, "invalid_parameters")),
        ("/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", BODY, (404, "voice_not_found")),
        ("/v1/text-to-speech/elevenlabs:21m00Tcm4TlvDq8ikWAM", BODY, (404, "voice_not_found")),
        ("/v1/text-to-speech/espeak:no-such-voice", BODY, (404, "voice_not_found")),
        (f"{SPEECH}/with-timestamps", BODY, (404, "voice_not_found")),
        (f"{SPEECH}/stream/with-timestamps", BODY, (404, "voice_not_found")),
    ],
)
def test_refusal_has_the_shape_of_elevenlabs(
    client: FlaskClient, path: str, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert detail(client.post(path, json=body)) == refusal


@pytest.mark.parametrize(
    ("response", "refusal"),
    [
        (answers.status(500), (502, "provider_error")),
        (answers.too_many("7"), (429, "too_many_concurrent_requests")),
        (answers.status(401), (400, "invalid_request")),
    ],
)
def test_failure_of_the_vendor_has_the_shape_of_elevenlabs(
    make_client: MakeClient, response: Any, refusal: tuple[int, str]
) -> None:
    with FaultServer() as vendor:
        vendor.always(response)
        client = make_client(DEEPGRAM_BASE_URL=f"http://127.0.0.1:{vendor.port}", DEEPGRAM_API_KEY="good")
        answer = client.post("/v1/text-to-speech/deepgram:aura-2-thalia-en", json=BODY)

    assert detail(answer) == refusal
    assert "CANARY" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"xi-api-key": TOKEN}, 200),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"xi-api-key": "wrong"}, 401),
        ({"xi-api-key": ""}, 401),
        ({"xi-api-key": f"{TOKEN},{TOKEN}"}, 401),
        ({"xi-api-key": TOKEN, "Authorization": f"Bearer {TOKEN}"}, 401),
        ({}, 401),
    ],
)
def test_key_may_stand_in_the_header_of_elevenlabs(
    make_client: MakeClient, headers: dict[str, str], status: int
) -> None:
    client = make_client(**GUARD)
    for answer in (client.post(SPEECH, json=BODY, headers=headers), client.get("/v1/voices", headers=headers)):
        assert answer.status_code == status
        if status == 401:
            assert detail(answer) == (401, "invalid_api_key")
    assert client.post("/speak", json=BODY, headers={"xi-api-key": TOKEN}).status_code == 401
    assert client.get("/v1/models", headers=headers).status_code == status


def test_lists_have_both_shapes(client: FlaskClient) -> None:
    every = client.get("/v1/voices").get_json()["voices"]
    page = client.get("/v2/voices?page_size=3").get_json()
    following = client.get(f"/v2/voices?page_size=3&next_page_token={page['next_page_token']}").get_json()
    found = client.get("/v2/voices?search=en-US&page_size=100").get_json()

    assert set(every[0]) == {"voice_id", "name", "category", "labels", "description", "preview_url", "settings"}
    assert set(every[0]["labels"]) == {"language", "gender"}
    assert page["voices"] + following["voices"] == every[:6]
    assert (page["has_more"], page["total_count"]) == (True, len(every))
    assert (found["has_more"], found["next_page_token"]) == (False, None)
    assert "espeak:gmw/en-US" in [each["voice_id"] for each in found["voices"]]
    assert client.get("/v1/voices/espeak:gmw%2Fen-US").get_json()["voice_id"] == "espeak:gmw/en-US"
    assert detail(client.get("/v1/voices/nope")) == (404, "voice_not_found")


@pytest.mark.parametrize("query", ["page_size=0", "page_size=101", "page_size=x", "next_page_token=-1"])
def test_page_that_cannot_be_is_refused(client: FlaskClient, query: str) -> None:
    assert detail(client.get(f"/v2/voices?{query}")) == (422, "invalid_parameters")


@pytest.mark.parametrize("dialects", ["elevenlabs", "openai,elevenlabs"])
def test_prefix_has_the_same_routes(make_client: MakeClient, dialects: str) -> None:
    client = make_client(COMPAT_ENABLED=dialects)
    for path in ("/v1/voices", "/v2/voices", "/v1/user", "/v1/voices/settings/default"):
        assert client.get(f"/elevenlabs{path}").get_json() == client.get(path).get_json()
    assert client.post(f"/elevenlabs{SPEECH}/stream?output_format=pcm_16000", json=BODY).content_type == "audio/pcm"
    listed = client.get("/elevenlabs/v1/models").get_json()
    assert set(listed[0]) == {"model_id", "name", "can_do_text_to_speech", "languages"}
    assert detail(client.get("/elevenlabs/v1/voices/nope")) == (404, "voice_not_found")
    assert detail(client.get("/elevenlabs/v1/other")) == (404, "not_found")


def test_prefix_takes_the_key_of_elevenlabs(make_client: MakeClient) -> None:
    client = make_client(
        AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON='[{"id": "acme", "secret": "long-enough-secret-1"}]'
    )
    path = "/elevenlabs/v1/models"
    assert detail(client.get(path)) == (401, "invalid_api_key")
    assert client.get(path, headers={"xi-api-key": "long-enough-secret-1"}).status_code == 200


@pytest.mark.parametrize("dialects", ["elevenlabs", "openai,elevenlabs"])
def test_models_are_an_array_for_clients_of_elevenlabs(make_client: MakeClient, dialects: str) -> None:
    client = make_client(COMPAT_ENABLED=dialects)
    listed = client.get("/v1/models", headers={"xi-api-key": "any"}).get_json()

    assert set(listed[0]) == {"model_id", "name", "can_do_text_to_speech", "languages"}
    assert {"language_id": "en-GB", "name": "en-GB"} in listed[0]["languages"]


def test_what_clients_look_at_first_is_there(client: FlaskClient) -> None:
    assert client.get("/v1/user").get_json()["subscription"] == client.get("/v1/user/subscription").get_json()
    assert client.get("/v1/voices/settings/default").get_json()["stability"] == 0.5
