"""GET /say: for callers with a token, never for pages of other sites, never a vendor's money without auth."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.blueprints.clips import SECRETS, TENANTS, bearer, path_of
from tests.blueprints.conftest import MakeClient
from tests.wire.deepgram import DeepgramFake


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client(SAY_ENABLED="true", CLIP_SECRETS_JSON=SECRETS)


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


def test_say_is_off_unless_it_is_enabled(make_client: MakeClient) -> None:
    answer = make_client().get("/say.wav?text=Hello")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_say_answers_as_a_clip_does(client: FlaskClient) -> None:
    clip = client.get(path_of({"t": "Grüß Gott", "p": "espeak", "v": "gmw/de", "s": 1.5, "r": 16000}))
    said = client.get("/say.wav?text=Gr%C3%BC%C3%9F+Gott&voice=espeak/gmw/de&speed=1.5&sample_rate=16000")

    assert (said.status_code, said.data) == (200, clip.data)
    for name in ("ETag", "Last-Modified", "Cache-Control", "Content-Type", "Content-Length", "Accept-Ranges"):
        assert said.headers[name] == clip.headers[name]
    path = "/say.wav?text=Gr%C3%BC%C3%9F+Gott&provider=espeak&voice_id=gmw/de&speed=1.5&sample_rate=16000"
    assert client.get(path, headers={"If-None-Match": clip.headers["ETag"]}).status_code == 304
    assert client.get(path, headers={"Range": "bytes=0-3", "Cache-Control": "no-cache"}).data == b"RIFF"
    assert client.head(path).headers["Content-Length"] == str(len(clip.data))


@pytest.mark.parametrize("text", ["%ff", "caf%E9", "%C3", "a%ED%A0%80"])
def test_say_refuses_a_query_that_is_not_utf8(client: FlaskClient, text: str) -> None:
    answer = client.get(f"/say.wav?text={text}&voice=espeak/gmw/en-US")

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert "UTF-8" in answer.text


def test_say_takes_a_token_and_is_private_then(make_client: MakeClient) -> None:
    client = make_client(SAY_ENABLED="true", **TENANTS)
    missing = client.get("/say.wav?text=Hi")
    assert (missing.status_code, missing.headers["Content-Type"]) == (401, "text/plain; charset=utf-8")
    assert missing.headers["WWW-Authenticate"] == "Bearer"

    for answer in (
        client.get("/say.wav?text=Hi", headers=bearer("tenant-a")),
        client.get("/say.wav?text=Hi&api_key=sk_clips_of_tenant_a"),
    ):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, max-age=2592000"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_pages_of_other_sites_are_refused(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    assert client.get("/say.wav?text=Hi", headers=headers).status_code == status


def test_without_auth_only_local_providers_speak(make_client: MakeClient, deepgram: DeepgramFake) -> None:
    vendor = {"SAY_ENABLED": "true", "DEEPGRAM_API_KEY": "good", "DEEPGRAM_BASE_URL": deepgram.url}
    closed = make_client(**vendor)
    for path in ("/say.mp3?text=Hi&provider=deepgram", "/say.wav?text=Hi&voice=deepgram:x"):
        answer = closed.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/plain; charset=utf-8"), path
        assert b"OPEN_GET_VENDORS" in answer.data
    for path in ("/say.mp3?text=Hi", "/say.mp3?text=Hi&provider=espeak"):
        assert closed.get(path).status_code == 200
    assert deepgram.texts == []
    assert make_client(**vendor, OPEN_GET_VENDORS="true").get("/say.mp3?text=Hi").status_code == 200
    guarded = make_client(**vendor, **TENANTS)
    assert guarded.get("/say.mp3?text=Hi+you", headers=bearer("tenant-b")).status_code == 200
    assert deepgram.texts == ["Hi", "Hi you"]


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/say.wav", 400, "text"),
        ("/say.wav?text=+", 400, "text"),
        ("/say.wav?text=a&text=b", 400, "once"),
        ("/say.wav?text=a&speed=nan", 400, "speed"),
        ("/say.wav?text=a&speed=9", 400, "speed"),
        ("/say.wav?text=a&sample_rate=8k", 400, "sample_rate"),
        ("/say.wav?text=a&sample_rate=11025", 400, "sample_rate"),
        ("/say.ulaw?text=a&sample_rate=16000", 400, "8000"),
        ("/say.wav?text=a&voice=reception", 400, "voice"),
        ("/say.wav?text=a&voice=nobody/x", 400, "voice"),
        ("/say.wav?text=a&voice=espeak/", 400, "voice"),
        ("/say.wav?text=a&voice=espeak/gmw/de&provider=espeak", 400, "voice"),
        ("/say.wav?text=a&provider=nobody", 400, "provider"),
        ("/say.wav?text=a&voice_id=no/such", 400, "voice"),
        ("/say.wav?text=a&provider=deepgram", 403, "OPEN_GET_VENDORS"),
        ("/say.exe?text=a", 404, ""),
    ],
)
def test_bad_queries_are_refused_with_a_line_of_text(client: FlaskClient, path: str, status: int, word: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/plain; charset=utf-8")
    assert word in answer.get_data(as_text=True)
    assert answer.get_data(as_text=True).count("\n") == 1


def test_text_of_say_never_reaches_the_log(make_client: MakeClient, capfd: pytest.CaptureFixture[str]) -> None:
    client = make_client(SAY_ENABLED="true")
    client.get("/say.wav?text=Canary+sentence")
    client.get("/say.wav?text=Canary&speed=x")

    written = "".join(capfd.readouterr())
    assert "Canary" not in written
    assert [json.loads(line)["status"] for line in written.splitlines()] == [200, 400]
