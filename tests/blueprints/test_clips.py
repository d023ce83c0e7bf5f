"""POST /clips: what it takes and answers, how long its URLs live, and who may sign."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.speech.clip_urls import derived
from tests.blueprints.clips import SECRET, SECRETS, TENANTS, VOICE, bearer, digest, minted, path_of, unpacked
from tests.blueprints.conftest import MakeClient
from tests.e2e.program import until
from tests.wire.deepgram import DeepgramFake

OTHER = "another-secret-of-the-tests-0123456789"


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client(CLIP_SECRETS_JSON=SECRETS, PUBLIC_URL="https://speech.example.com/tts/")


def test_mint_answers_with_a_url_of_the_contract(client: FlaskClient) -> None:
    before = time.time()
    found = minted(client, {"text": "Welcome, Zoë", "expires_in": 3600})

    assert set(found) == {
        *("url", "path", "expires_at", "content_type", "audio_format", "sample_rate", "size_bytes", "duration_ms")
    }
    assert found["url"] == f"https://speech.example.com/tts{found['path']}"
    assert (found["content_type"], found["audio_format"], found["sample_rate"]) == ("audio/wav", "wav", 8000)
    fields = unpacked(found["path"])
    assert fields == {"t": "Welcome, Zoë", **VOICE, "x": fields["x"]}
    assert found["path"] == path_of(fields)
    assert before + 3600 <= fields["x"] <= time.time() + 3600 + 450 + 1
    assert fields["x"] % 450 == 0
    assert found["expires_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(fields["x"]))
    audio = client.get(found["path"])
    assert (len(audio.data), audio.status_code) == (found["size_bytes"], 200)
    assert abs(found["duration_ms"] - (found["size_bytes"] - 44) / 16) <= 1


def test_same_request_gets_the_same_url(client: FlaskClient) -> None:
    first = minted(client, {"text": "The same", "expires_in": 31536000, "render": False})
    named = {"provider": "ESPEAK", "voice_id": "gmw/en-US", "speaking_rate": 1.0, "sample_rate": 8000, "ext": "wav"}
    second = minted(client, {"text": "The same", "expires_in": 31536000, "render": False, **named})

    assert first == second


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"language": "de"}, {"p": "espeak", "v": "gmw/de"}),
        ({"language": "en_us", "voice_id": "gmw/en-US"}, VOICE),
        ({"speaking_rate": 2, "sample_rate": 16000}, {**VOICE, "s": 2, "r": 16000}),
        ({"speaking_rate": 0.9, "ext": "mp3", "sample_rate": 24000}, {**VOICE, "s": 0.9}),
    ],
)
def test_payload_says_only_what_is_needed(client: FlaskClient, body: dict[str, Any], fields: dict[str, Any]) -> None:
    found = minted(client, {"text": "Hi", "expires_in": 0, **body})

    assert unpacked(found["path"]) == {"t": "Hi", **fields}
    assert found["expires_at"] is None
    # The clip that was rendered is the one that is played.
    cache = client.application.extensions["sayna"].cache
    until(lambda: cache.stats().entries == 1, 60, "the clip is stored")
    assert client.get(found["path"]).status_code == 200
    assert cache.stats().entries == 1


def test_provider_is_pinned_against_new_vendors(make_client: MakeClient) -> None:
    path = minted(make_client(CLIP_SECRETS_JSON=SECRETS), {"text": "Pinned", "expires_in": 0})["path"]
    with DeepgramFake() as deepgram:
        later = make_client(CLIP_SECRETS_JSON=SECRETS, DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)
        assert later.get(path).status_code == 200
        assert deepgram.texts == []


def test_url_without_public_url_has_the_host_of_the_request(make_client: MakeClient) -> None:
    client = make_client()
    body = {"text": "Hi", "render": False}

    url = client.post("/clips", json=body, headers={"Host": "pbx.lan:8080"}).get_json()["url"]
    assert url.startswith("http://pbx.lan:8080/clip/")
    assert client.post("/clips", json=body, headers={"Host": "a/b?c"}).status_code == 400


def test_render_false_calls_no_vendor(make_client: MakeClient) -> None:
    with DeepgramFake() as deepgram:
        client = make_client(CLIP_SECRETS_JSON=SECRETS, DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)
        lazy = minted(client, {"text": "Later", "render": False})
        assert (lazy["size_bytes"], lazy["duration_ms"], deepgram.texts) == (None, None, [])
        eager = minted(client, {"text": "Later"})
        assert eager["size_bytes"] > 0
        assert deepgram.texts == ["Later"]
        assert client.get(lazy["path"]).status_code == 200
        assert deepgram.texts == ["Later"]
        # Rendered once: now the answer knows the size without a rendering.
        assert minted(client, {"text": "Later", "render": False})["size_bytes"] == eager["size_bytes"]


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"text": " "}, "EMPTY_TEXT", "text"),
        ({"text": None}, "EMPTY_TEXT", "text"),
        ({"text": "x" * 5001}, "TEXT_TOO_LONG", "text"),
        ({"text": "x" * 800}, "CLIP_TOO_LONG", "1000"),
        ({"text": "ß" * 400}, "CLIP_TOO_LONG", "1000"),
        ({"audio_format": "wav"}, "INVALID_REQUEST", "send ext"),
        ({"voice_settings": {"pitch": 50}}, "INVALID_REQUEST", "voice_settings"),
        ({"pronunciations": [{"word": "a", "pronunciation": "b"}]}, "INVALID_REQUEST", "pronunciations"),
        ({"silence_before_ms": 100}, "INVALID_REQUEST", "silence_before_ms"),
        ({"silence_after_ms": 100}, "INVALID_REQUEST", "silence_after_ms"),
        ({"auth": {"api_key": "x"}}, "INVALID_REQUEST", "auth"),
        ({"tts_config": {}}, "INVALID_REQUEST", "tts_config"),
        ({"ext": "exe"}, "UNSUPPORTED_FORMAT", "wav16"),
        ({"ext": "wav16", "sample_rate": 8000}, "UNSUPPORTED_FORMAT", "16000"),
        ({"sample_rate": 11025}, "UNSUPPORTED_FORMAT", "sample_rate"),
        ({"expires_in": 59}, "INVALID_REQUEST", "expires_in"),
        ({"expires_in": 31536001}, "INVALID_REQUEST", "expires_in"),
        ({"expires_in": "60"}, "INVALID_REQUEST", "expires_in"),
        ({"render": 1}, "INVALID_REQUEST", "render"),
        ({"provider": "nobody"}, "UNKNOWN_PROVIDER", "provider"),
        ({"voice_id": "no/such-voice"}, "PROVIDER_REJECTED_REQUEST", "voice"),
    ],
)
def test_mint_refuses_with_a_reason(client: FlaskClient, change: dict[str, Any], code: str, word: str) -> None:
    answer = client.post("/clips", json={"text": "Hi", **change})

    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert word in answer.get_json()["error"]


def test_url_has_only_harmless_characters_and_one_dot(client: FlaskClient) -> None:
    found = minted(client, {"text": "Ünïcode ☎ & 'quotes', \"more\" <x>?~", "ext": "sln16"})

    assert re.fullmatch(r"/clip/[A-Za-z0-9_-]+/[0-9a-f]{32}\.sln16", found["path"])
    assert found["path"].count(".") == 1


def test_without_a_lasting_secret_no_url_is_minted(make_client: MakeClient) -> None:
    client = make_client(CACHE_PATH="")
    answer = client.post("/clips", json={"text": "Hi"})

    assert (answer.status_code, answer.get_json()["code"]) == (500, "CLIPS_NOT_CONFIGURED")
    assert client.get(path_of({"t": "Hi", **VOICE})).status_code == 404
    assert make_client(CACHE_PATH="", SAYNA_SECRET=OTHER).post("/clips", json={"text": "Hi"}).status_code == 201


def test_what_signed_before_still_verifies(make_client: MakeClient, tmp_path: Path) -> None:
    body = {"text": "Rotated", "expires_in": 0}
    by_file = minted(make_client(), body)["path"]
    by_server = minted(make_client(SAYNA_SECRET=OTHER), body)["path"]
    by_first = minted(make_client(SAYNA_SECRET=OTHER, CLIP_SECRETS_JSON=SECRETS), body)["path"]
    rotated = make_client(SAYNA_SECRET=OTHER, CLIP_SECRETS_JSON=f'["{"n" * 32}", "{SECRET}"]')
    by_new = minted(rotated, body)["path"]

    assert len({by_file, by_server, by_first, by_new}) == 4
    assert by_first == path_of({"t": "Rotated", **VOICE})
    assert by_new == path_of({"t": "Rotated", **VOICE}, secret="n" * 32)
    assert by_server == path_of({"t": "Rotated", **VOICE}, secret=derived(OTHER.encode()))
    for path in (by_file, by_server, by_first, by_new):
        assert rotated.get(path).status_code == 200
    withdrawn = make_client(CACHE_PATH=str(tmp_path / "new"), CLIP_SECRETS_JSON=f'["{"n" * 32}"]')
    assert [withdrawn.get(path).status_code for path in (by_file, by_server, by_first)] == [404, 404, 404]


def test_clip_counts_on_the_tenant_that_minted_it(make_client: MakeClient) -> None:
    client = make_client(CLIP_SECRETS_JSON=SECRETS, **TENANTS)
    assert client.post("/clips", json={"text": "Hi"}).status_code == 401
    path = minted(client, {"text": "Mine", "expires_in": 0}, **bearer("tenant-a"))["path"]

    assert unpacked(path)["o"] == "tenant-a"
    assert client.get(path).status_code == 200
    assert path.split("/")[3].startswith(digest(digest(SECRET, "tenant:tenant-a"), f"{path.split('/')[2]}.wav")[:32])
    # The key of one tenant signs no clip of another.
    key_of_b = path_of({"t": "Theirs", **VOICE, "o": "tenant-a"}).split("/")[2]
    forged = digest(digest(SECRET, "tenant:tenant-b"), f"{key_of_b}.wav")[:32]
    assert client.get(f"/clip/{key_of_b}/{forged}.wav").status_code == 404


def test_removed_tenant_can_no_longer_be_spoken_for(make_client: MakeClient) -> None:
    path = path_of({"t": "Gone", **VOICE, "o": "tenant-c"})
    nobody = path_of({"t": "Gone", **VOICE})
    client = make_client(CLIP_SECRETS_JSON=SECRETS, **TENANTS)

    assert (client.get(path).status_code, client.get(nobody).status_code) == (404, 200)
    assert make_client(CLIP_SECRETS_JSON=SECRETS).get(path).status_code == 404


def test_tenant_plays_only_providers_that_it_may_use(make_client: MakeClient) -> None:
    def with_entries(*entries: dict[str, Any]) -> FlaskClient:
        listed = [
            {"id": "tenant-a", "secret": f"sk_clips_of_tenant_a{at or ''}"} | each for at, each in enumerate(entries)
        ]
        tenants = {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": json.dumps(listed)}
        return make_client(CLIP_SECRETS_JSON=SECRETS, SAY_ENABLED="true", **tenants)

    path = path_of({"t": "Mine", **VOICE, "o": "tenant-a"})
    limited = with_entries({"providers": ["azure"]})
    answer = limited.post("/clips", json={"text": "Hi", "provider": "espeak"}, headers=bearer("tenant-a"))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "PROVIDER_NOT_ALLOWED")
    assert limited.get("/say.wav?text=Hi&provider=espeak", headers=bearer("tenant-a")).status_code == 403
    assert limited.get(path).status_code == 404
    assert with_entries({"providers": ["azure"]}, {"providers": ["espeak"]}).get(path).status_code == 200
    assert with_entries({"providers": ["azure"]}, {}).get(path).status_code == 200
    # A secret that is over speaks for nobody.
    assert with_entries({"expires": "2020-01-01"}).get(path).status_code == 404
    assert with_entries({"expires": "2020-01-01"}, {"expires": "2999-01-01"}).get(path).status_code == 200


def test_url_that_dies_with_the_process_is_not_minted(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client(CACHE_PATH=str(tmp_path))
    path = client.post("/clips", json={"text": "Hi"}).get_json()["path"]
    (tmp_path / "credential.key").unlink()
    refused = client.post("/clips", json={"text": "Hi"})

    assert (refused.status_code, refused.get_json()["code"]) == (500, "CLIPS_NOT_CONFIGURED")
    assert client.get(path).status_code == 200
    assert make_client(CACHE_PATH=str(tmp_path)).post("/clips", json={"text": "Hi"}).status_code == 201
