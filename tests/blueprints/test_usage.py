"""Usage and caps at the wire: who is billed, who is refused, and what GET /usage says."""

import io
import json
import threading
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.clips import SECRETS
from tests.blueprints.conftest import MakeClient
from tests.e2e.program import until
from tests.e2e.servers import free_port
from tests.sip.inbound import Target, hook, per_hook_secret, verified
from tests.wire import FaultServer, answers
from tests.wire.server import Exchange

PCM = bytes(range(250)) * 96
ENTRIES: list[dict[str, Any]] = [
    {"id": "a", "secret": "secret-of-a-0123456789", "characters_per_month": 20, "note": "old app"},
    {"id": "a", "secret": "another-of-a-0123456789"},
    {"id": "b", "secret": "secret-of-b-0123456789"},
]
AUTH = {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": json.dumps(ENTRIES)}


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.always(answers.whole(PCM))
        yield server


@pytest.fixture
def settings(vendor: FaultServer) -> dict[str, str]:
    return {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": vendor.url, "CLIP_SECRETS_JSON": SECRETS, **AUTH}


@pytest.fixture
def client(settings: dict[str, str], make_client: MakeClient) -> FlaskClient:
    return make_client(**settings)


def wav() -> bytes:
    """Return PCM as a WAV file of 24 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 24000, 0, "NONE", ""))
        writer.writeframes(PCM)
    return file.getvalue()


def bearer(tenant: str) -> dict[str, str]:
    return {"Authorization": f"Bearer secret-of-{tenant}-0123456789"}


def speak(client: FlaskClient, text: str, tenant: str = "a", **fields: Any) -> TestResponse:
    body = {"text": text, "provider": "deepgram", "audio_format": "linear16", **fields}
    return client.post("/speak", json=body, headers=bearer(tenant))


def usage(client: FlaskClient, tenant: str = "a") -> tuple[int, int]:
    answer = client.get("/usage", headers=bearer(tenant)).get_json()
    return answer["billed"], answer["saved"]


def test_miss_is_billed_and_hit_is_saved(client: FlaskClient) -> None:
    answers = [speak(client, "ten chars.") for _ in range(3)]
    assert [answer.headers["x-quota-remaining"] for answer in answers] == ["10"] * 3
    answer = client.get("/usage", headers=bearer("a")).get_json()
    assert answer["month"][:2] == "20"
    assert answer == {
        "month": answer["month"],
        "tenant": "a",
        "limit": 20,
        "billed": 10,
        "saved": 20,
        "providers": {"deepgram": {"billed": 10, "saved": 20}},
    }
    assert usage(client, "b") == (0, 0)


def test_miss_beyond_the_cap_is_refused_and_hits_are_served(client: FlaskClient, vendor: FaultServer) -> None:
    assert speak(client, "ten chars.").status_code == 200
    refused = speak(client, "eleven char")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "QUOTA_EXCEEDED")
    assert 0 < int(refused.headers["Retry-After"]) <= 31 * 86400
    assert speak(client, "ten more..").status_code == 200
    assert speak(client, "ten chars.").headers["x-cache"] == "HIT"
    assert len(vendor.hits) == 2
    assert "x-quota-remaining" not in speak(client, "eleven char", "b").headers


def test_miss_of_a_capped_tenant_is_503_while_redis_is_away(
    settings: dict[str, str], make_client: MakeClient, vendor: FaultServer
) -> None:
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}", "SAYNA_SECRET": "x" * 32}
    client = make_client(**settings, **away)
    refused = speak(client, "ten chars.")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert refused.headers["Retry-After"] == "1"
    assert vendor.hits == []
    # A tenant without a cap goes on, and what it paid for is a hit of the other one.
    assert speak(client, "ten chars.", "b").headers["x-cache"] == "MISS"
    assert speak(client, "ten chars.").headers["x-cache"] == "HIT"
    ready = client.get("/ready")
    assert (ready.status_code, ready.get_json()["checks"]["redis"]) == (200, "failed")


def test_second_secret_of_a_tenant_has_the_same_cap(client: FlaskClient) -> None:
    speak(client, "ten chars.")
    other = {"Authorization": "Bearer another-of-a-0123456789"}
    assert client.get("/usage", headers=other).get_json()["limit"] == 20
    assert client.post("/speak", json={"text": "eleven char", "provider": "deepgram"}, headers=other).status_code == 429


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_refusal_of_the_vendor_is_refunded(client: FlaskClient, vendor: FaultServer, status: int) -> None:
    vendor.always(answers.whole(b"{}", "application/json", status))
    assert speak(client, "twenty characters...", request_timeout=30).status_code >= 400
    assert usage(client) == (0, 0)


def test_vendor_that_dies_amid_stays_billed(client: FlaskClient, vendor: FaultServer) -> None:
    vendor.always(answers.close_early(PCM, len(PCM) // 2))
    assert speak(client, "ten chars.", audio_format="wav").status_code == 500
    assert usage(client) == (10, 0)


def test_no_store_is_billed_each_time(client: FlaskClient) -> None:
    body = {"text": "ten chars.", "provider": "deepgram"}
    headers = {**bearer("a"), "Cache-Control": "no-store"}
    assert [client.post("/speak", json=body, headers=headers).status_code for _ in range(3)] == [200, 200, 429]


def test_own_credentials_and_local_voices_are_free(client: FlaskClient) -> None:
    assert speak(client, "more than twenty characters", auth={"api_key": "own"}).status_code == 200
    assert speak(client, "more than twenty characters", provider="espeak").status_code == 200
    assert usage(client) == (0, 0)


def test_spoken_characters_are_billed(client: FlaskClient) -> None:
    speak(client, "SQL.", pronunciations=[{"word": "SQL", "pronunciation": "sequel"}])
    assert usage(client) == (len("sequel."), 0)


def test_follower_takes_over_from_a_leader_without_quota(client: FlaskClient, vendor: FaultServer) -> None:
    speak(client, "twenty characters...")
    asked, go_on = threading.Event(), threading.Event()

    def slow(exchange: Any) -> None:
        asked.set()
        go_on.wait(20)
        answers.whole(PCM)(exchange)

    vendor.always(slow)
    with ThreadPoolExecutor(20) as pool:
        # The tenant without quota may lead first: it is refused, and a caller of the other tenant leads.
        futures = [(tenant, pool.submit(speak, client, "together", tenant)) for tenant in ["a", "b"] * 10]
        assert asked.wait(20)
        go_on.set()
        results = [(tenant, future.result(30)) for tenant, future in futures]
    assert {answer.status_code for tenant, answer in results if tenant == "b"} == {200}
    assert {answer.status_code for tenant, answer in results if tenant == "a"} <= {200, 429}
    assert len(vendor.hits) == 2
    assert usage(client, "b")[0] == 8


def test_follower_within_its_own_cap_is_free(client: FlaskClient, vendor: FaultServer) -> None:
    speak(client, "twenty characters...")
    asked, go_on = threading.Event(), threading.Event()

    def slow(exchange: Any) -> None:
        exchange.send(answers.head(200, {"Content-Type": "audio/pcm", "Content-Length": str(len(PCM))}))
        asked.set()
        go_on.wait(20)
        exchange.send(PCM)

    vendor.always(slow)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(speak, client, "together", "b")
        assert asked.wait(20)
        follower = pool.submit(speak, client, "together", "a")
        running = client.application.extensions["sayna"].single_flight._running
        # The stream of an earlier request may still be there.
        until(lambda: any(each._subscribers == 2 for each in list(running.values())), 60, "the follower listens")
        go_on.set()
        assert [leader.result(30).headers["x-cache"], follower.result(30).headers["x-cache"]] == ["MISS", "COALESCED"]
    assert (usage(client, "a"), usage(client, "b")) == ((20, 8), (8, 0))


def test_openai_sdk_gets_insufficient_quota(client: FlaskClient) -> None:
    body = {"input": "more than twenty characters", "model": "deepgram", "voice": "alloy"}
    answer = client.post("/v1/audio/speech", json=body, headers=bearer("a"))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"


def test_clip_counts_on_the_tenant_that_minted_it(client: FlaskClient) -> None:
    body = {"text": "ten chars.", "provider": "deepgram", "render": False}
    minted = client.post("/clips", json=body, headers=bearer("a")).get_json()
    assert usage(client) == (0, 0)
    assert client.get(minted["path"]).status_code == 200
    assert usage(client) == (10, 0)
    minted = client.post("/clips", json={**body, "text": "eleven char"}, headers=bearer("a")).get_json()
    refused = client.get(minted["path"])
    assert (refused.status_code, refused.mimetype) == (429, "text/plain")


def test_unknown_month_is_refused(client: FlaskClient) -> None:
    for month in ("2026-13", "2026", "now", "2026-1"):
        assert client.get(f"/usage?month={month}", headers=bearer("a")).status_code == 400
    answer = client.get("/usage?month=2020-01", headers=bearer("a")).get_json()
    assert (answer["month"], answer["billed"], answer["providers"]) == ("2020-01", 0, {})


def test_everything_is_shown_when_authentication_is_off(
    settings: dict[str, str], client: FlaskClient, make_client: MakeClient
) -> None:
    speak(client, "ten chars.", "a")
    speak(client, "eleven char", "b")
    client.application.extensions["sayna"].close()
    opened = make_client(**{**settings, "AUTH_REQUIRED": "false", "TENANT_CHARACTERS_PER_MONTH": "5"})
    answer = opened.get("/usage").get_json()
    assert (answer["tenant"], answer["limit"], answer["billed"]) == (None, 5, 21)
    assert opened.post("/speak", json={"text": "a miss", "provider": "deepgram"}).status_code == 429


def test_warning_reaches_the_hook_that_asks_for_it(
    settings: dict[str, str], inbound: MakeClient, target: Target
) -> None:
    client = inbound(**settings)
    wanted = {**hook(target, "b.example.com", auth_id="a"), "events": ["quota_warning"]}
    client.post("/sip/hooks", json={"hooks": [wanted]}, headers=bearer("a"))
    speak(client, "sixteen chars...")
    speak(client, "now")
    [hit] = target.received(1)
    verified(hit, per_hook_secret("a", "b.example.com"))
    body = hit.json()
    told = [body[name] for name in ("event", "tenant", "limit", "billed")]
    assert told == ["quota_warning", "a", 20, 16]


def test_cap_of_the_command_line_and_its_table(client: FlaskClient) -> None:
    speak(client, "ten chars.")
    speak(client, "eleven char", "b")
    runner = client.application.test_cli_runner()
    table = runner.invoke(args=["usage"]).stdout.splitlines()
    assert table[0].split() == ["month", "tenant", "provider", "billed", "saved"]
    assert [line.split()[1:] for line in table[1:]] == [["a", "deepgram", "10", "0"], ["b", "deepgram", "11", "0"]]
    rows = json.loads(runner.invoke(args=["usage", "--tenant", "b", "--json"]).stdout)
    assert [(row["tenant"], row["billed"]) for row in rows] == [("b", 11)]
    assert runner.invoke(args=["usage", "--csv"]).stdout.splitlines()[1].endswith(",a,deepgram,10,0")
    assert runner.invoke(args=["usage", "--month", "2026"]).exit_code == 1


def test_empty_table_says_what_is_not_counted(client: FlaskClient) -> None:
    client.post("/speak", json={"text": "Hello", "provider": "espeak"}, headers=bearer("a"))
    result = client.application.test_cli_runner().invoke(args=["usage", "--month", "2026-01"])

    assert result.stderr == "Nothing was counted in 2026-01. Local voices are never counted.\n"
    assert result.stdout.split() == ["month", "tenant", "provider", "billed", "saved"]


def test_limits_are_those_of_the_caller(settings: dict[str, str], make_client: MakeClient) -> None:
    entries = [{**ENTRIES[0], "providers": ["deepgram"]}, ENTRIES[2]]
    client = make_client(**{**settings, "AUTH_API_SECRETS_JSON": json.dumps(entries), "MAX_TEXT_CHARS": "99"})
    speak(client, "ten chars.")
    capped, free = (client.get("/limits", headers=bearer(tenant)).get_json() for tenant in ("a", "b"))
    assert (capped["providers"], capped["characters_per_month"], capped["characters_left"]) == (["deepgram"], 20, 10)
    assert (free["characters_per_month"], free["characters_left"]) == (None, None)
    assert set(free["providers"]) >= {"deepgram", "espeak"}
    assert capped["max_text_chars"] == 99
    for name in capped["audio_formats"]:
        for rate in capped["sample_rates"]:
            body = {"text": "Hello", "provider": "deepgram", "audio_format": name, "sample_rate": rate}
            headers = {**bearer("b"), "Cache-Control": "only-if-cached"}
            # 504 is NOT_CACHED: the format and the rate are accepted.
            assert client.post("/speak", json=body, headers=headers).status_code == 504


def test_fallback_bills_the_target_that_spoke(
    settings: dict[str, str], make_client: MakeClient, vendor: FaultServer, tmp_path: Path
) -> None:
    def speak_as_openai(exchange: Exchange) -> None:
        is_openai = exchange.hit.path.endswith("/audio/speech")
        (answers.whole(wav(), "audio/wav") if is_openai else answers.whole(b"{}", "application/json", 500))(exchange)

    vendor.always(speak_as_openai)
    voices = tmp_path / "voices.yaml"
    voices.write_text("reception: [{provider: deepgram}, {provider: openai}]")
    openai = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{vendor.url}/v1", "VOICES_PATH": str(voices)}
    client = make_client(**settings, **openai)
    answer = client.post("/speak", json={"text": "ten chars.", "voice": "reception"}, headers=bearer("a"))
    assert (answer.status_code, answer.headers.get("x-fallback")) == (200, "deepgram"), answer.text
    found = client.get("/usage", headers=bearer("a")).get_json()["providers"]
    assert {slug: count["billed"] for slug, count in found.items()} == {"deepgram": 0, "openai": 10}
