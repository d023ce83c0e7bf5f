"""OpenAI's dialect at the wire: reference/compat.md, section 2."""

import base64
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.audio.spec import AudioSpec
from sayna.schemas.compat import OPENAI_VOICES
from tests.audio.sounds import heard
from tests.blueprints.conftest import MakeClient
from tests.wire import answers
from tests.wire.openai import OpenAIFake
from tests.wire.server import FaultServer

SPEECH = "/v1/audio/speech"
BODY = {"model": "espeak", "input": "Welcome to Sayna"}
TOKEN = "a-token-of-the-tests"
GUARD = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": TOKEN}


def error_of(answer: Any) -> dict[str, Any]:
    """Return the error object, in the exact shape that OpenAI's SDKs read."""
    body = answer.get_json()
    assert set(body) == {"error", "request_id"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return dict(body["error"])


def key_of(answer: Any) -> str:
    """Return the cache key, with which an ETag begins."""
    return str(answer.headers["ETag"]).partition("-")[0]


@pytest.mark.parametrize(
    ("response_format", "content_type", "spec"),
    [
        (None, "audio/mpeg", AudioSpec("mp3", 24000)),
        ("mp3", "audio/mpeg", AudioSpec("mp3", 24000)),
        ("opus", "audio/ogg", AudioSpec("opus", 24000)),
        ("flac", "audio/flac", AudioSpec("flac", 24000)),
        ("wav", "audio/wav", AudioSpec("wav", 24000)),
        ("pcm", "audio/pcm", AudioSpec("linear16", 24000)),
        ("mulaw", "audio/basic", AudioSpec("mulaw", 8000)),
    ],
)
def test_audio_has_the_type_and_rate_of_its_format(
    client: FlaskClient, response_format: str | None, content_type: str, spec: AudioSpec
) -> None:
    headers = {"Accept": "application/json"}
    answer = client.post(SPEECH, json={**BODY, "response_format": response_format}, headers=headers)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    sound = heard(answer.data, spec)
    assert sound.rate == (48000 if spec.audio_format == "opus" else spec.sample_rate) or spec.audio_format == "opus"
    assert 0.5 < sound.seconds < 4
    assert sound.loudness > 0
    assert (answer.headers["x-provider"], answer.headers["x-cache"]) == ("espeak", "MISS")


def test_same_body_is_cached_and_shares_its_key_with_speak(client: FlaskClient) -> None:
    first, again = (client.post(SPEECH, json={**BODY, "response_format": "wav"}) for _ in range(2))
    own = client.post("/speak", json={"text": BODY["input"], "provider": "espeak"}, headers={"Accept": "audio/wav"})

    assert [each.headers["x-cache"] for each in (first, again, own)] == ["MISS", "HIT", "HIT"]
    assert first.headers["ETag"] == again.headers["ETag"] == own.headers["ETag"]
    assert first.data == again.data == own.data


def test_same_body_means_another_thing_to_speak(client: FlaskClient) -> None:
    body = {"text": "One", "input": "Two", "model": "espeak"}
    spoken = key_of(client.post(SPEECH, json=body))

    assert (
        client.post("/speak", json={**body, "model": None}, headers={"Accept": "audio/mpeg"}).headers["ETag"] != spoken
    )
    assert key_of(client.post(SPEECH, json=body)) == spoken


def events(data: bytes) -> list[dict[str, Any]]:
    lines = data.decode().split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.mark.parametrize("response_format", ["pcm", "mp3", "wav"])
def test_events_carry_the_same_audio(client: FlaskClient, response_format: str) -> None:
    body = {**BODY, "response_format": response_format}
    bodies = ({**body, "stream_format": "sse"}, {**body, "stream_format": "sse"}, body)
    # Buffered: audio that no client has read yet would be shared with the next request.
    made, cached, plain = (client.post(SPEECH, json=each, buffered=True) for each in bodies)
    assert [each.headers["x-cache"] for each in (made, cached, plain)] == ["MISS", "HIT", "HIT"]
    for answer in (made, cached):
        assert answer.mimetype == "text/event-stream"
        assert answer.headers.getlist("Cache-Control") == ["no-store"]
        assert answer.headers["X-Accel-Buffering"] == "no"
        *deltas, done = events(answer.data)
        assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
        streamed = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
        # A stream of mp3 has no Info frame, which states the length of the file.
        is_whole = response_format != "mp3" or answer is cached
        assert plain.data == streamed if is_whole else plain.data.endswith(streamed)
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        assert done == {"type": "speech.audio.done", "usage": usage}


@pytest.mark.parametrize("voice", ["en-gb", {"id": "en-gb"}, "espeak/en-gb", "espeak:en-gb"])
def test_voice_is_a_name_an_object_or_an_address(client: FlaskClient, voice: Any) -> None:
    answer = client.post(SPEECH, json={**BODY, "voice": voice})

    assert (
        answer.headers["x-voice-id"]
        == client.post("/speak", json={"text": "x", "voice_id": "en-gb"}, headers={"Accept": "audio/wav"}).headers[
            "x-voice-id"
        ]
    )


@pytest.mark.parametrize("voice", OPENAI_VOICES)
def test_name_of_openai_is_the_default_voice_of_another_provider(client: FlaskClient, voice: str) -> None:
    plain, named = (client.post(SPEECH, json={**BODY, **more}) for more in ({}, {"voice": voice}))

    assert named.headers["x-voice-id"] == plain.headers["x-voice-id"]


def test_thirteen_names_are_those_of_openai() -> None:
    assert len(OPENAI_VOICES) == 13


def test_name_of_openai_speaks_the_language(client: FlaskClient) -> None:
    answer = client.post(SPEECH, json={**BODY, "voice": "nova", "language": "de"})

    assert answer.headers["x-voice-id"].endswith("de")


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd-1106", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "", None])
def test_model_of_openai_works_without_openai(client: FlaskClient, model: str | None) -> None:
    answer = client.post(SPEECH, json={"model": model, "voice": "alloy", "input": "Hello"})

    assert (answer.status_code, answer.headers["x-provider"]) == (200, "espeak")


@pytest.mark.parametrize(
    ("body", "provider", "model", "voice"),
    [
        ({"model": "tts-1", "voice": "alloy"}, "openai", "tts-1", "alloy"),
        ({"model": "tts-1-hd", "voice": "nova"}, "openai", "tts-1-hd", "nova"),
        ({"model": "kokoro", "voice": "af_bella"}, "openai", "kokoro", "af_bella"),
        ({"model": "openai/kokoro", "voice": "af_bella"}, "openai", "kokoro", "af_bella"),
        ({"model": "tts-1", "provider": "openai", "voice": {"id": "alloy"}}, "openai", "tts-1", "alloy"),
        ({"model": "espeak", "voice": "openai/alloy"}, "openai", None, "alloy"),
        ({"model": "tts-1", "voice": "espeak/en"}, "espeak", None, None),
        ({"model": "tts-1", "voice": "alloy", "provider": "espeak"}, "espeak", None, None),
        ({"model": "ours", "voice": "alloy"}, "espeak", None, None),
        ({"model": "tts-1-1106", "voice": "Alloy", "provider": "espeak"}, "espeak", None, None),
        ({"model": "better", "voice": "alloy"}, "openai", "gpt-4o-mini-tts", "alloy"),
    ],
)
def test_model_and_voice_choose_the_provider(
    make_client: MakeClient, body: dict[str, Any], provider: str, model: str | None, voice: str | None
) -> None:
    aliases = json.dumps({"ours": "espeak", "better": "openai/gpt-4o-mini-tts"})
    with OpenAIFake() as fake:
        client = make_client(OPENAI_BASE_URL=f"{fake.url}/v1/", MODEL_ALIASES_JSON=aliases)
        answer = client.post(SPEECH, json={"input": "Hello", **body})

        assert (answer.status_code, answer.headers["x-provider"]) == (200, provider)
        assert len(fake.bodies) == (provider == "openai")
        if fake.bodies:
            assert fake.bodies[0]["voice"] == voice
            assert model in (None, fake.bodies[0]["model"])


def test_instructions_reach_only_a_provider_with_that_setting(make_client: MakeClient) -> None:
    with OpenAIFake() as fake:
        client = make_client(OPENAI_BASE_URL=f"{fake.url}/v1/")
        for model in ("tts-1", "espeak"):
            body = {"model": model, "input": "Hello", "instructions": "Whisper."}
            assert client.post(SPEECH, json=body).status_code == 200
        nothing = client.post(SPEECH, json={"model": "tts-1", "input": "Hi", "instructions": None})
        assert nothing.status_code == 200
        assert [body.get("instructions") for body in fake.bodies] == ["Whisper.", None]


def test_fields_of_speak_and_unknown_fields_may_stand_beside(client: FlaskClient) -> None:
    extra = {
        "provider": "espeak",
        "language": "de-DE",
        "sample_rate": 16000,
        "voice_settings": {"pitch": 20},
        "pronunciations": [{"word": "SQL", "pronunciation": "sequel"}],
    }
    noise = {"task": "x", "user": None, "seed": 7, "volume_multiplier": 1.0, "lang_code": "a", "text": 7, "auth": 1}
    answer = client.post(SPEECH, json={"model": "tts-1", "input": "Ask for SQL", **extra, **noise})

    assert (answer.status_code, answer.headers["x-sample-rate"]) == (200, "16000")
    assert answer.headers["x-voice-id"].endswith("de")


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"input": " "}, 400, "empty_text", "input"),
        ({"input": None}, 400, "empty_text", "input"),
        ({"input": "x" * 5001}, 400, "text_too_long", "input"),
        ({"input": 5}, 400, "invalid_request", "input"),
        ({"response_format": "aac"}, 400, "unsupported_format", "response_format"),
        ({"response_format": 1}, 400, "invalid_request", "response_format"),
        ({"speed": 0.2}, 400, "invalid_request", "speed"),
        ({"speed": 4.1}, 400, "invalid_request", "speed"),
        ({"speed": "1"}, 400, "invalid_request", "speed"),
        ({"stream_format": "ws"}, 400, "invalid_request", "stream_format"),
        ({"voice": {}}, 400, "invalid_request", "voice"),
        ({"voice": {"id": 5}}, 400, "invalid_request", "voice"),
        ({"voice": 5}, 400, "invalid_request", "voice"),
        ({"voice": "no-such-voice"}, 400, "provider_rejected_request", "voice"),
        ({"model": "no-such-model"}, 404, "model_not_found", "model"),
        ({"model": "azure"}, 404, "model_not_found", "model"),
        ({"provider": "no-such-provider"}, 404, "model_not_found", "model"),
        ({"model": 5}, 400, "invalid_request", "model"),
        ({"sample_rate": "8000"}, 400, "invalid_request", "sample_rate"),
        ({"voice_settings": []}, 400, "invalid_request", "voice_settings"),
    ],
)
def test_bad_field_is_named_in_the_shape_of_openai(
    client: FlaskClient, change: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = client.post(SPEECH, json={**BODY, **change})

    error = error_of(answer)
    assert (answer.status_code, error["type"]) == (status, "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)
    assert "x-should-retry" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "sent", "refusal"),
    [
        ("GET", SPEECH, {}, (405, "method_not_allowed")),
        ("POST", "/v1/nowhere", {"json": {}}, (404, "not_found")),
        ("GET", "/v1/", {}, (404, "not_found")),
        ("GET", "/v1", {}, (404, "not_found")),
        ("POST", SPEECH, {"data": {"input": "x"}}, (415, "unsupported_media_type")),
        ("POST", SPEECH, {"data": "{", "content_type": "application/json"}, (400, "invalid_request")),
        ("POST", SPEECH, {"data": "[]", "content_type": "application/json"}, (400, "invalid_request")),
        ("POST", SPEECH, {"data": b" " * 2**21, "content_type": "application/json"}, (413, "payload_too_large")),
    ],
)
def test_every_refusal_has_the_shape_of_openai(
    client: FlaskClient, method: str, path: str, sent: dict[str, Any], refusal: tuple[int, str]
) -> None:
    answer = client.open(path, method=method, **sent)

    assert (answer.status_code, error_of(answer)["code"]) == refusal
    assert ("Allow" in answer.headers) == (answer.status_code == 405)


def test_bug_has_the_shape_of_openai(client: FlaskClient) -> None:
    # A planner that is gone is a bug of ours.
    object.__setattr__(client.application.extensions["sayna"], "planner", None)
    client.application.testing = False

    answer = client.post(SPEECH, json=BODY)

    assert (answer.status_code, error_of(answer)["type"]) == (500, "api_error")


@pytest.mark.parametrize(
    ("response", "status", "code", "is_final"),
    [
        (answers.status(500), 502, "provider_error", False),
        (answers.too_many("7"), 429, "rate_limit_exceeded", False),
        (answers.status(401), 500, "provider_rejected_credentials", True),
    ],
)
def test_failure_of_the_vendor_says_whether_to_retry(
    make_client: MakeClient, response: Any, status: int, code: str, *, is_final: bool
) -> None:
    with FaultServer() as fake:
        client = make_client(DEEPGRAM_BASE_URL=f"http://127.0.0.1:{fake.port}", DEEPGRAM_API_KEY="good")
        fake.always(response)
        answer = client.post(SPEECH, json={"model": "deepgram", "input": "Hello"})

    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (status, code)
    assert (answer.headers.get("x-should-retry") == "false") == is_final
    assert "CANARY" not in answer.text


def test_timeout_and_missing_clip_are_final(make_client: MakeClient) -> None:
    client = make_client()
    answer = client.post(SPEECH, json=BODY, headers={"Cache-Control": "only-if-cached"})

    assert (answer.status_code, error_of(answer)["code"]) == (504, "not_cached")
    assert answer.headers["x-should-retry"] == "false"


def test_wrong_token_has_the_shape_of_openai(make_client: MakeClient) -> None:
    client = make_client(**GUARD, AUTH_FAILURES_PER_MINUTE="2")
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer wrong"}, {"xi-api-key": TOKEN}):
        answer = client.post(SPEECH, json=BODY, headers=headers)
        assert (answer.status_code, error_of(answer)["code"]) == (401, "invalid_api_key")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    guess: Any = {"headers": {"Authorization": "Bearer wrong"}, "environ_overrides": {"REMOTE_ADDR": "203.0.113.9"}}
    *_, many = [client.post(SPEECH, json=BODY, **guess) for _ in range(3)]
    assert (many.status_code, error_of(many)["code"]) == (429, "too_many_auth_failures")
    assert (many.headers["x-should-retry"], "Retry-After" in many.headers) == ("false", True)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Basic x"}])
def test_any_header_is_ignored_without_authentication(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post(SPEECH, json=BODY, headers=headers).status_code == 200


def test_lists_name_models_and_voices(make_client: MakeClient) -> None:
    client = make_client(
        MODEL_ALIASES_JSON='{"house": "espeak"}', DEEPGRAM_API_KEY="x", DEEPGRAM_BASE_URL="http://127.0.0.1:9"
    )
    names = [each["id"] for each in client.get("/v1/models").get_json()["data"]]
    first = client.get("/v1/models").get_json()["data"][0]

    assert names[0] == "house"
    assert {"espeak", "deepgram", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"} <= set(names)
    assert set(first) == {"id", "object", "created", "owned_by"}
    assert [each["id"] for each in client.get("/v1/audio/models").get_json()["models"]] == names
    for name in names:
        one = client.get(f"/v1/models/{name}")
        assert (one.status_code, one.get_json()["id"]) == (200, name)
    voices = client.get("/v1/models/espeak").get_json()["voices"]
    assert set(voices[0]) == {"name", "language", "gender"}
    missing = client.get("/v1/models/no/such")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "model_not_found")


def test_lists_never_wait_for_a_vendor_that_is_silent(make_client: MakeClient) -> None:
    with FaultServer() as fake:
        fake.always(lambda exchange: exchange.hang())
        client = make_client(
            DEEPGRAM_BASE_URL=f"http://127.0.0.1:{fake.port}", DEEPGRAM_API_KEY="good", VOICES_TIMEOUT_SECONDS="60"
        )
        found = client.get("/v1/audio/voices").get_json()
        of_one = client.get("/v1/audio/voices?provider=deepgram").get_json()

    assert found["voices"] == found["data"]
    assert [each["id"] for each in found["voices"][:13]] == list(OPENAI_VOICES)
    assert {"espeak"} == {each["provider"] for each in found["voices"][13:]}
    assert len(of_one["voices"]) == 13


def test_listed_voice_speaks(client: FlaskClient) -> None:
    voice = client.get("/v1/audio/voices").get_json()["voices"][13]

    assert set(voice) == {"id", "name", "language", "gender", "provider"}
    assert client.post(SPEECH, json={"input": "Hello", "voice": voice["id"]}).status_code == 200


def test_lists_are_public_only_with_the_setting(make_client: MakeClient) -> None:
    lists = ("/v1/models", "/v1/models/espeak", "/v1/audio/models", "/v1/audio/voices", "/v1/voices", "/v2/voices")
    closed, open_ = make_client(**GUARD), make_client(**GUARD, PUBLIC_DISCOVERY="true")

    for client, status in ((closed, 401), (open_, 200)):
        assert [client.get(path).status_code for path in lists] == [status] * len(lists)
        assert client.get("/v1/test").get_json() == {"status": "ok"}
        assert client.post(SPEECH, json=BODY).status_code == 401
    assert closed.get("/v1/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_list_without_a_token_costs_no_failure(make_client: MakeClient) -> None:
    client = make_client(**GUARD, AUTH_FAILURES_PER_MINUTE="1")
    stranger = {"REMOTE_ADDR": "203.0.113.9"}

    assert {client.get("/v1/audio/voices", environ_overrides=stranger).status_code for _ in range(5)} == {401}


def test_disabled_dialect_has_no_route_but_keeps_its_shape(make_client: MakeClient) -> None:
    client = make_client(COMPAT_ENABLED="none")
    answer = client.post(SPEECH, json=BODY)

    assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")
    assert not [path for path in client.get("/openapi.json").get_json()["paths"] if path.startswith("/v1")]
