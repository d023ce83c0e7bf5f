"""GET and HEAD /clip: the answer rules that telephone systems need, each with its header and its status."""

import io
import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import numpy
import pytest
import soundfile
from flask.testing import FlaskClient

from sayna.audio.file_endings import ENDINGS
from tests.blueprints.clips import SECRETS, TENANTS, VOICE, bearer, minted, path_of
from tests.blueprints.conftest import MakeClient
from tests.e2e.program import until
from tests.wire.deepgram import DeepgramFake

PATH = path_of({"t": "Please hold the line.", **VOICE})
RAW = {"linear16": "PCM_16", "mulaw": "ULAW", "alaw": "ALAW"}


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client(CLIP_SECRETS_JSON=SECRETS)


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


def paid(make_client: MakeClient, deepgram: DeepgramFake, **settings: str) -> FlaskClient:
    return make_client(CLIP_SECRETS_JSON=SECRETS, DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url, **settings)


def forget(client: FlaskClient) -> None:
    """Clear the cache, once the clip is in it: an answer waits only a moment for the store."""
    cache = client.application.extensions["sayna"].cache
    until(lambda: cache.stats().entries == 1, 60, "the clip is stored")
    cache.clear()


@pytest.mark.parametrize("ext", ENDINGS)
def test_every_ending_is_the_audio_that_it_names(client: FlaskClient, ext: str) -> None:
    ending = ENDINGS[ext]
    answer = client.get(path_of({"t": "Hello there.", **VOICE}, ext))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, ending.content_type)
    raw: dict[str, Any] = {}
    if ending.audio_format in RAW:
        subtype = RAW[ending.audio_format]
        raw = {"format": "RAW", "subtype": subtype, "samplerate": ending.sample_rate, "channels": 1}
    samples, rate = soundfile.read(io.BytesIO(answer.data), **raw)
    assert (rate, samples.ndim) == (ending.sample_rate, 1)
    assert 0.4 < len(samples) / rate < 2
    assert numpy.abs(samples).max() > 0.05


def test_wide_band_wav_has_the_type_that_asterisk_compares(client: FlaskClient) -> None:
    answer = client.get(path_of({"t": "Hi", **VOICE}, "wav16"))

    assert answer.headers["Content-Type"] == "audio/x-wav;codec=pcm;bit=16;rate=16000"


def test_head_is_get_without_its_body(client: FlaskClient) -> None:
    head = client.head(PATH)
    answer = client.get(PATH)

    assert (head.status_code, head.data) == (200, b"")
    one_answer = ("X-Request-ID",)
    assert [pair for pair in head.headers if pair[0] not in one_answer] == [
        pair for pair in answer.headers if pair[0] not in one_answer
    ]
    assert int(head.headers["Content-Length"]) == len(answer.data)
    assert client.head(PATH, headers={"Range": "bytes=0-9"}).status_code == 200


def test_answer_has_only_headers_that_caches_like(client: FlaskClient) -> None:
    answer = client.get(PATH)

    assert answer.headers["Cache-Control"] == "public, max-age=2592000"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert not {"vary", "set-cookie", "location", "transfer-encoding"} & {name.lower() for name, _ in answer.headers}
    names = [name.lower() for name, _ in answer.headers]
    assert sorted(names) == sorted(set(names))
    assert max(len(f"{name}: {value}\r\n") for name, value in answer.headers) < 1000
    assert answer.headers["ETag"].startswith('"')


def test_clip_varies_by_no_origin_where_pages_may_mint(make_client: MakeClient) -> None:
    client = make_client(CLIP_SECRETS_JSON=SECRETS, CORS_ORIGINS="https://app.example.com")
    origin = {"Origin": "https://app.example.com"}

    assert "Vary" not in client.get(PATH, headers=origin).headers
    answer = client.post("/clips", json={"text": "Hi"}, headers=origin)
    assert (answer.headers["Vary"], answer.headers["Access-Control-Allow-Origin"]) == ("Origin", origin["Origin"])


def test_validators_save_the_body(client: FlaskClient) -> None:
    first = client.get(PATH)
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'"x", W/{first.headers["ETag"]}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        for method in ("GET", "HEAD"):
            answer = client.open(PATH, method=method, headers=headers)
            assert (answer.status_code, answer.data) == (304, b""), headers
            assert answer.headers["ETag"] == first.headers["ETag"]
            assert answer.headers["Cache-Control"] == first.headers["Cache-Control"]
    for headers in (
        {"If-None-Match": '"another"'},
        {"If-None-Match": first.headers["ETag"].strip('"')},
        {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
        {"If-None-Match": '"x"', "If-Modified-Since": first.headers["Last-Modified"]},
    ):
        assert client.get(PATH, headers=headers).status_code == 200, headers


def test_304_comes_without_rendering(make_client: MakeClient, deepgram: DeepgramFake) -> None:
    client = paid(make_client, deepgram)
    path = path_of({"t": "Paid once", "p": "deepgram", "v": "aura-2-thalia-en"})
    first = client.get(path)
    forget(client)

    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get(path, headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304
    assert deepgram.texts == ["Paid once"]
    old = formatdate(time.time() - 10**8, usegmt=True)
    assert client.get(path, headers={"If-Modified-Since": old}).status_code == 200
    assert deepgram.texts == ["Paid once"] * 2


@pytest.mark.parametrize("cache_control", ["no-cache", "no-store", "max-age=0", "only-if-cached", "no-cache, no-store"])
def test_reload_never_costs_a_rendering(make_client: MakeClient, deepgram: DeepgramFake, cache_control: str) -> None:
    client = paid(make_client, deepgram)
    path = path_of({"t": "Reloaded", "p": "deepgram", "v": "aura-2-thalia-en"})
    reload = {"Cache-Control": cache_control, "Pragma": "no-cache", "Authorization": "Bearer x", "Accept": "text/html"}

    bodies = {client.get(path, headers=reload).data for _ in range(3)}
    assert len(bodies) == 1
    assert deepgram.texts == ["Reloaded"]


def test_take_that_is_rendered_anew_has_another_etag(make_client: MakeClient, deepgram: DeepgramFake) -> None:
    client = paid(make_client, deepgram)
    path = path_of({"t": "Twice", "p": "deepgram", "v": "aura-2-thalia-en"})
    first, again = client.get(path), client.get(path)
    voice = {"provider": "deepgram", "voice_id": "aura-2-thalia-en", "audio_format": "wav", "sample_rate": 8000}
    rendered = client.post("/speak", json={"text": "Twice", **voice}, headers={"Cache-Control": "no-cache"})
    anew = client.get(path)

    assert rendered.headers["ETag"] == anew.headers["ETag"]
    assert first.headers["ETag"] == again.headers["ETag"] != anew.headers["ETag"]
    resumed = client.get(path, headers={"Range": "bytes=10-", "If-Range": first.headers["ETag"]})
    assert (resumed.status_code, resumed.data) == (200, anew.data)


def test_one_range_is_served_and_any_other_gets_the_whole(client: FlaskClient) -> None:
    whole = client.get(PATH).data
    one = client.get(PATH, headers={"Range": "bytes=0-9"})
    assert (one.status_code, one.data) == (206, whole[:10])
    assert one.headers["Content-Range"] == f"bytes 0-9/{len(whole)}"
    assert one.headers["Content-Length"] == "10"
    assert one.headers["Content-Type"] == "audio/wav"
    assert client.get(PATH, headers={"Range": "bytes=-4"}).data == whole[-4:]
    for header in ("bytes=0-1,4-5", "bytes=", "bytes=9-1", "lines=0-1", "bytes=a-b"):
        answer = client.get(PATH, headers={"Range": header})
        assert (answer.status_code, answer.data) == (200, whole), header
    beyond = client.get(PATH, headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert beyond.headers["Content-Type"].startswith("text/plain")


def test_url_may_be_kept_until_it_expires_and_is_410_after_that(client: FlaskClient) -> None:
    now = int(time.time())
    soon = client.get(path_of({"t": "Soon over", **VOICE, "x": now + 100}))
    over = client.get(path_of({"t": "Soon over", **VOICE, "x": now - 1}))

    assert 95 <= int(soon.headers["Cache-Control"].removeprefix("public, max-age=")) <= 100
    assert (over.status_code, over.headers["Cache-Control"]) == (410, "no-store")
    assert over.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"expired" in over.data


@pytest.mark.parametrize(
    ("fault", "status"),
    [("bad", 502), ("poor", 502)],
)
def test_vendor_fault_is_a_plain_gateway_error(
    make_client: MakeClient, deepgram: DeepgramFake, fault: str, status: int
) -> None:
    client = make_client(CLIP_SECRETS_JSON=SECRETS, DEEPGRAM_API_KEY=fault, DEEPGRAM_BASE_URL=deepgram.url)
    answer = client.get(path_of({"t": "No", "p": "deepgram", "v": "aura-2-thalia-en"}))

    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"{" not in answer.data


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/clip", 404),
        ("GET", "/clip/", 404),
        ("GET", "/clip/a/b/c", 404),
        ("GET", "/clip/a/b.wav", 404),
        ("POST", PATH, 405),
        ("DELETE", PATH, 405),
        ("GET", "/say", 404),
        ("GET", "/say/x", 404),
        ("GET", "/say.exe?text=x", 404),
        ("POST", "/say.wav", 405),
    ],
)
def test_errors_below_clip_and_say_are_text(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"]
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("path", ["/clips", "/clipper", "/sayings", "/clips/x"])
def test_errors_beside_clip_and_say_stay_json(client: FlaskClient, path: str) -> None:
    assert client.get(path).content_type == "application/json"


def test_log_has_the_tenant_and_neither_payload_nor_text(
    make_client: MakeClient, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make_client(CLIP_SECRETS_JSON=SECRETS, **TENANTS)
    path = minted(client, {"text": "Canary sentence"}, **bearer("tenant-a"))["path"]
    for played in (path, path.replace(".wav", ".mp3"), "/clip/Canary/x", "/say.wav?text=Canary"):
        client.get(played)

    written = "".join(capfd.readouterr())
    assert path.split("/")[2] not in written
    assert "Canary" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line.get("tenant") for line in lines if line.get("route", "").startswith("/clip/")] == ["tenant-a", None]
    assert [line["status"] for line in lines] == [201, 200, 404, 404, 401]
