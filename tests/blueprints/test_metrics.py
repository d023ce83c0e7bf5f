"""GET /metrics: who may read it, and what it counts."""

import re
import shutil
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sayna import __version__, metrics
from tests.blueprints.conftest import MakeClient
from tests.wire import FaultServer, answers

PCM = bytes(range(250)) * 96


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.always(answers.whole(PCM))
        yield server


@pytest.fixture
def make(make_client: MakeClient, vendor: FaultServer) -> Iterator[MakeClient]:
    folders = []

    def watched(**settings: str) -> FlaskClient:
        keys = {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": vendor.url, "METRICS_ENABLED": "true"}
        client = make_client(**keys, **settings)
        config = client.application.extensions["sayna"].config
        folders.append(metrics.folder_of(config.server.bind, str(config.cache.path)))
        return client

    yield watched
    metrics.enable(None)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def ask(client: FlaskClient, peer: str = "127.0.0.1", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/metrics", headers=named, environ_overrides={"REMOTE_ADDR": peer})


def speak(client: FlaskClient, text: str = "Hello", **fields: str) -> TestResponse:
    return client.post("/speak", json={"text": text, "provider": "deepgram", **fields})


def samples(client: FlaskClient) -> dict[str, float]:
    """Return the samples of a scrape, without buckets and sums."""
    found = re.findall(r"^(sayna_\S+) (\S+)$", ask(client).text, re.MULTILINE)
    return {name: float(value) for name, value in found if not re.search(r"_(bucket|sum)\b", name)}


def test_metrics_are_off_by_default(client: FlaskClient) -> None:
    assert ask(client).status_code == 404


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "127.0.0.2"])
def test_this_machine_may_read(make: MakeClient, peer: str) -> None:
    answer = ask(make(AUTH_REQUIRED="true", AUTH_API_SECRET="secret-of-the-tenant"), peer)
    # The version that every scraper knows; 1.0.0 would need the parameter `escaping`.
    assert (answer.status_code, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.1", {}),
        ("", {}),
        ("127.0.0.1", {"X_Forwarded_For": "127.0.0.1"}),
        ("127.0.0.1", {"X_Real_IP": ""}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("10.0.0.1", {"Authorization": "Bearer secret"}),
    ],
)
def test_other_machines_and_proxies_may_not_read(make: MakeClient, peer: str, headers: dict[str, str]) -> None:
    answer = ask(make(), peer, **headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "METRICS_FORBIDDEN")


def test_token_is_needed_where_it_is_set(make: MakeClient) -> None:
    client = make(METRICS_TOKEN="token-of-prometheus")
    assert ask(client, "10.0.0.1", Authorization="Bearer token-of-prometheus").status_code == 200
    assert [ask(client).status_code, ask(client, Authorization="Bearer wrong").status_code] == [401, 401]
    assert client.get("/metrics?api_key=token-of-prometheus").status_code == 401


def test_counts_of_hits_misses_and_failures(make: MakeClient, vendor: FaultServer) -> None:
    client = make()
    for _ in range(3):
        assert speak(client).status_code == 200
    vendor.always(answers.whole(b"{}", "application/json", 400))
    assert speak(client, "another").status_code == 400
    client.get("/nowhere/secret")
    client.application.extensions["sayna"].usage.close()
    found = samples(client)
    # The first scrape counts itself only in the next one.
    expected = {
        'sayna_requests_total{route="/speak",status="200"}': 3,
        'sayna_requests_total{route="/speak",status="400"}': 1,
        'sayna_requests_total{route="none",status="404"}': 1,
        'sayna_request_seconds_count{route="/speak"}': 4,
        'sayna_speech_total{outcome="MISS",provider="deepgram"}': 1,
        'sayna_speech_total{outcome="HIT",provider="deepgram"}': 2,
        'sayna_speech_total{outcome="FAILED",provider="deepgram"}': 1,
        'sayna_characters_total{kind="billed",provider="deepgram"}': 5,
        'sayna_characters_total{kind="saved",provider="deepgram"}': 10,
        'sayna_first_byte_seconds_count{provider="deepgram"}': 1,
        'sayna_vendor_errors_total{code="PROVIDER_REJECTED_REQUEST",provider="deepgram"}': 1,
        "sayna_renderings": 0,
        "sayna_cache_clips": 1,
        f'sayna_build_info{{version="{__version__}"}}': 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["sayna_cache_bytes"] > len(PCM)


def test_no_label_names_a_text_or_a_path(make: MakeClient) -> None:
    client = make(SAY_ENABLED="true")
    client.get("/say.wav?text=canary&voice_id=canary")
    client.get("/clip/canary/canary.wav")
    speak(client, "canary", voice_id="canary")
    assert "canary" not in ask(client).text
    assert 'route="/clip/<payload>/<signature>.<ext>"' in ask(client).text


def test_rendering_that_fails_amid_is_counted_once(make: MakeClient, vendor: FaultServer) -> None:
    client = make()
    vendor.always(answers.close_early(PCM, len(PCM) // 2))
    speak(client, audio_format="wav")
    found = samples(client)
    assert found["sayna_renderings"] == 0
    assert found['sayna_vendor_errors_total{code="PROVIDER_ERROR",provider="deepgram"}'] == 1
