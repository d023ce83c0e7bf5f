"""VENDOR_CONCURRENCY and TENANT_CONCURRENCY at the wire."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.conftest import MakeClient
from tests.blueprints.own_voices import write_voices
from tests.blueprints.rooms import AUTH, bearer
from tests.e2e.program import until
from tests.speech.single_flight.small_files import small_files
from tests.wire import FaultServer, answers

PCM = bytes(range(250)) * 96


class HeldVendor(FaultServer):
    """Sends the head and a part of the audio at once, and the rest when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.always(self.speak)

    def speak(self, exchange: Any) -> None:
        exchange.send(answers.head(200, {"Content-Type": "audio/pcm", "Content-Length": str(len(PCM))}))
        exchange.send(PCM[:6000])
        self.begun.release()
        self.go_on.wait(30)
        exchange.send(PCM[6000:])


@pytest.fixture
def vendor() -> Iterator[HeldVendor]:
    with HeldVendor() as server:
        yield server
        server.go_on.set()


@pytest.fixture
def make(make_client: MakeClient, vendor: HeldVendor) -> MakeClient:
    keys = {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": vendor.url}
    return lambda **settings: make_client(**keys, **settings)


def speak(client: FlaskClient, text: str, tenant: str | None = None, **fields: Any) -> TestResponse:
    body = {"text": text, "provider": "deepgram", "audio_format": "linear16", **fields}
    return client.post("/speak", json=body, headers=bearer(tenant))


def begin(pool: ThreadPoolExecutor, vendor: HeldVendor, client: FlaskClient, *asked: Any) -> Future[TestResponse]:
    """Start a request whose vendor has sent its first audio."""
    future = pool.submit(speak, client, *asked)
    assert vendor.begun.acquire(timeout=30)
    return future


def test_vendor_slot_is_held_until_the_body_ends(make: MakeClient, vendor: HeldVendor) -> None:
    client = make(VENDOR_CONCURRENCY="deepgram=1")
    with ThreadPoolExecutor(2) as pool:
        first = begin(pool, vendor, client, "first")
        refused = speak(client, "second")
        assert (refused.status_code, refused.get_json()["code"]) == (503, "OVERLOADED")
        assert refused.headers["Retry-After"] == "1"
        # Own credentials are another account, and other providers have their own limits.
        own = pool.submit(speak, client, "third", None, auth={"api_key": "own"})
        assert vendor.begun.acquire(timeout=30)
        assert speak(client, "fourth", provider="espeak").status_code == 200
        vendor.go_on.set()
        assert [first.result(30).status_code, own.result(30).status_code] == [200, 200]
    assert speak(client, "second").status_code == 200


def test_refused_speech_is_not_billed(make: MakeClient, vendor: HeldVendor) -> None:
    client = make(VENDOR_CONCURRENCY="deepgram=1")
    with ThreadPoolExecutor(1) as pool:
        first = begin(pool, vendor, client, "first")
        assert speak(client, "a second text").status_code == 503
        vendor.go_on.set()
        assert first.result(30).status_code == 200
    assert client.get("/usage").get_json()["billed"] == len("first")


def test_long_text_needs_one_slot_only(make: MakeClient, vendor: HeldVendor) -> None:
    vendor.go_on.set()
    text = "A sentence of some words. " * 150
    assert speak(make(VENDOR_CONCURRENCY="deepgram=1"), text).status_code == 200
    assert len(vendor.hits) > 1


def test_full_slot_leads_to_the_next_target(make: MakeClient, vendor: HeldVendor, tmp_path: Path) -> None:
    voices = tmp_path / "voices.yaml"
    voices.write_text("reception: [{provider: deepgram}, {provider: espeak, language: en}]")
    client = make(VENDOR_CONCURRENCY="deepgram=1", VOICES_PATH=str(voices))
    with ThreadPoolExecutor(1) as pool:
        first = begin(pool, vendor, client, "first")
        answer = client.post("/speak", json={"text": "second", "voice": "reception"})
        assert (answer.status_code, answer.headers["x-provider"]) == (200, "espeak")
        assert answer.headers["x-fallback"] == "deepgram"
        vendor.go_on.set()
        assert first.result(30).status_code == 200


def test_tenant_cannot_take_every_place(make: MakeClient, vendor: HeldVendor) -> None:
    client = make(TENANT_CONCURRENCY="1", **AUTH)
    with ThreadPoolExecutor(3) as pool:
        first = begin(pool, vendor, client, "first", "a")
        refused = speak(client, "second", "a")
        assert (refused.status_code, refused.get_json()["code"]) == (503, "OVERLOADED")
        other = begin(pool, vendor, client, "second", "b")
        vendor.go_on.set()
        assert [first.result(30).status_code, other.result(30).status_code] == [200, 200]
    assert speak(client, "second", "a").headers["x-cache"] == "HIT"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("deepgram", "has no ="),
        ("deepgram=0", "VENDOR_CONCURRENCY"),
        ("acme=1", "is unknown"),
        ("deepgram=1,deepgram=2", "names a provider twice"),
    ],
)
def test_wrong_limit_stops_the_start(make: MakeClient, value: str, sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        make(VENDOR_CONCURRENCY=value)


@pytest.mark.parametrize("own", [{}, {"provider": None, "voice": "reception"}])
def test_whole_answer_begins_anew_when_its_leader_is_lost(
    make: MakeClient, vendor: HeldVendor, tmp_path: Path, own: dict[str, Any]
) -> None:
    voices = write_voices(tmp_path, {"reception": [{"provider": "deepgram"}, {"provider": "espeak"}]})
    one, two = (make(CACHE_PATH=str(tmp_path / "cache"), VOICES_PATH=str(voices)) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        first = begin(pool, vendor, one, "Hello")
        second = pool.submit(speak, two, "Hello", audio_format="wav", **own)
        # The leader writes its file from the moment when another process follows.
        until(lambda: any(file.stat().st_size for file in tmp_path.glob("cache/flights/*.part")), 60, "one follows")
        with small_files():
            vendor.go_on.set()
            assert first.result(30).status_code == 200
            answer = second.result(30)
    assert (answer.status_code, answer.headers["x-provider"]) == (200, "deepgram")
    assert "x-fallback" not in answer.headers
    assert len(vendor.hits) == 2
