"""What GET /voices promises a voice picker, with vendors at the wire."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake
from tests.wire.elevenlabs import VOICES, ElevenLabsFake

MODELS = "/v1/models"
STRINGS = {"id", "sample", "name", "accent", "gender", "language", "provider"}


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def elevenlabs() -> Iterator[ElevenLabsFake]:
    with ElevenLabsFake() as fake:
        yield fake


@pytest.fixture
def settings(deepgram: DeepgramFake, elevenlabs: ElevenLabsFake) -> dict[str, str]:
    """Two cloud vendors, and nothing embedded."""
    return {
        "DEEPGRAM_API_KEY": "good",
        "DEEPGRAM_BASE_URL": deepgram.url,
        "ELEVENLABS_API_KEY": "good",
        "ELEVENLABS_BASE_URL": elevenlabs.url,
        "ESPEAK_ENABLED": "false",
        "VOICES_TIMEOUT_SECONDS": "10",
    }


@pytest.fixture
def client(make_client: MakeClient, settings: dict[str, str]) -> FlaskClient:
    return make_client(**settings)


def get(client: FlaskClient, query: str = "", **headers: str) -> Any:
    return client.get(f"/voices?{query}", headers={name.replace("_", "-"): value for name, value in headers.items()})


def ids(answer: Any, key: str = "voices") -> list[str]:
    assert answer.status_code == 200, answer.data
    return [voice["id"] for voice in answer.get_json()[key]]


def grow_old(tmp_path: Path, slug: str) -> None:
    """Make a kept list a day older."""
    file = tmp_path / "cache" / "voices" / f"{slug}.json"
    kept = json.loads(file.read_bytes())
    file.write_text(json.dumps({**kept, "at": kept["at"] - 86400}))


def test_all_voices_come_by_vendor_and_in_one_flat_array(client: FlaskClient) -> None:
    answer = get(client)
    body = answer.get_json()
    assert list(body) == ["deepgram", "elevenlabs", "voices"]
    assert body["voices"] == body["deepgram"] + body["elevenlabs"]
    assert next(iter(body.values()))[0] == body["voices"][0]
    assert answer.content_type == "application/json"
    for voice in body["voices"]:
        assert set(voice) >= STRINGS
        assert all(isinstance(voice[name], str) for name in STRINGS)
        assert voice["gender"] in ("Male", "Female", "Neutral", "Unknown")


def test_voices_are_told_in_english_and_in_bcp_47(client: FlaskClient) -> None:
    thalia, apollo, rachel, george = get(client).get_json()["voices"]
    assert thalia == {
        "id": "aura-2-thalia-en",
        "name": "thalia",
        "provider": "deepgram",
        "sample": "https://static.example/thalia.wav",
        "accent": "American",
        "gender": "Female",
        "language": "English",
        "languages": ["en", "en-US"],
        "tags": ["feminine", "clear"],
    }
    assert (apollo["gender"], apollo["languages"]) == ("Male", ["en"])
    assert (rachel["gender"], rachel["accent"], rachel["languages"]) == ("Female", "American", ["en-US"])
    assert (george["gender"], george["language"], george["accent"]) == ("Male", "Unknown", "British")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("provider=deepgram", ["aura-2-thalia-en", "aura-2-apollo-en"]),
        ("provider=ElevenLabs", ["21m00Tcm4TlvDq8ikWAM", "JBFqnCBsd6RMkjVDRZzb"]),
        ("language=en-US", ["aura-2-thalia-en", "21m00Tcm4TlvDq8ikWAM"]),
        ("language=EN_us&gender=female", ["aura-2-thalia-en", "21m00Tcm4TlvDq8ikWAM"]),
        ("language=e", None),
        ("language=eno", []),
        ("language=en%0d%0aX-Inj:%201", None),
        ("gender=Male&provider=deepgram", ["aura-2-apollo-en"]),
        ("gender=unknown", []),
        ("gender=robot", None),
        ("provider=&language=&gender=", [
            "aura-2-thalia-en", "aura-2-apollo-en", "21m00Tcm4TlvDq8ikWAM", "JBFqnCBsd6RMkjVDRZzb",
        ]),
    ],
)  # fmt: skip
def test_filters_narrow_the_list(client: FlaskClient, query: str, found: list[str] | None) -> None:
    answer = get(client, query)
    if found is None:
        assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")
        assert "X-Inj" not in answer.headers
    else:
        assert ids(answer) == found


def test_named_provider_is_the_only_one_that_is_asked(client: FlaskClient, elevenlabs: ElevenLabsFake) -> None:
    assert list(get(client, "provider=deepgram").get_json()) == ["deepgram", "voices"]
    assert elevenlabs.hits == []


@pytest.mark.parametrize("provider", ["nobody", "../x", "a" * 5000])
def test_unknown_provider_is_refused(client: FlaskClient, provider: str) -> None:
    answer = get(client, f"provider={provider}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "UNKNOWN_PROVIDER")
    assert len(answer.data) < 4096


def test_known_provider_without_credentials_is_said_to_be_so(make_client: MakeClient, settings: dict[str, str]) -> None:
    only = {name: value for name, value in settings.items() if not name.startswith("ELEVENLABS")}
    answer = get(make_client(**only), "provider=elevenlabs")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_NOT_CONFIGURED")


def test_embedded_voices_need_no_cloud(make_client: MakeClient) -> None:
    answer = get(make_client(), "language=en-GB")
    assert answer.status_code == 200
    assert {voice["language"] for voice in answer.get_json()["espeak"]} == {"English"}
    assert ids(answer)


def test_server_with_no_vendor_at_all_has_no_voices(make_client: MakeClient) -> None:
    assert get(make_client(ESPEAK_ENABLED="false")).get_json() == {"voices": []}


def test_lists_are_fetched_once_for_all_workers_and_restarts(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake, elevenlabs: ElevenLabsFake
) -> None:
    first = get(make_client(**settings))
    second = get(make_client(**settings))
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]
    assert len(deepgram.hits) == 1
    assert len(elevenlabs.hits) == len(VOICES), "one page each"


def test_without_a_cache_folder_lists_are_kept_in_memory(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake
) -> None:
    client = make_client(**settings, CACHE_PATH="")
    assert get(client).data == get(client).data
    assert len(deepgram.hits) == 1


def test_a_hundred_callers_at_once_cost_one_call_a_vendor(client: FlaskClient, deepgram: DeepgramFake) -> None:
    with ThreadPoolExecutor(20) as pool:
        found = set(pool.map(lambda number: get(client.application.test_client()).data, range(100)))
    assert len(found) == 1
    assert [hit.path for hit in deepgram.hits] == [MODELS]


def test_unchanged_list_is_answered_with_304(client: FlaskClient) -> None:
    first = get(client)
    etag = first.headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = get(client, If_None_Match=known)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert get(client, "gender=male", If_None_Match=etag).status_code == 200
    assert get(client, If_None_Match='"other"').status_code == 200
    assert client.head("/voices").headers["ETag"] == etag


def test_failing_vendor_is_left_out_and_named(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.always(answers.status(500))
    deepgram.then(*[answers.status(500)] * 5)
    answer = get(client)
    assert list(answer.get_json()) == ["elevenlabs", "voices"]
    assert answer.headers["X-Voices-Failed"] == "deepgram"
    assert "X-Voices-Stale" not in answer.headers
    assert b"CANARY" not in answer.data


@pytest.mark.parametrize(
    "failure",
    [
        answers.html(),
        answers.hang(),
        answers.reset(),
        answers.garbage(),
        answers.endless("application/json"),
        answers.drip(b'{"tts": [' * 100),
        answers.as_json([]),
        answers.as_json({"err_msg": "no"}),
        answers.as_json({"tts": "none"}),
        answers.status(401),
        answers.gzip_bomb(64),
    ],
    ids=["html", "hang", "reset", "garbage", "endless", "drip", "array", "no list", "no array", "401", "zip"],
)
def test_bad_vendor_costs_no_more_than_the_timeout(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake, failure: Any
) -> None:
    client = make_client(**settings | {"VOICES_TIMEOUT_SECONDS": "2"})
    deepgram.then(*[failure] * 3)
    began = time.monotonic()
    answer = get(client)
    assert time.monotonic() - began < 8
    assert list(answer.get_json()) == ["elevenlabs", "voices"]
    assert answer.headers["X-Voices-Failed"] == "deepgram"


def test_last_good_list_is_served_when_a_vendor_fails(
    client: FlaskClient, deepgram: DeepgramFake, tmp_path: Path
) -> None:
    before = get(client)
    grow_old(tmp_path, "deepgram")
    deepgram.then(*[answers.status(500)] * 2)
    answer = get(client)
    assert answer.data == before.data
    assert answer.headers["X-Voices-Stale"] == "deepgram"
    assert "X-Voices-Failed" not in answer.headers
    asked = len(deepgram.hits)
    assert get(client).headers["X-Voices-Stale"] == "deepgram"
    assert len(deepgram.hits) == asked, "a vendor that failed just now is left alone"


def test_old_list_is_renewed(client: FlaskClient, deepgram: DeepgramFake, tmp_path: Path) -> None:
    get(client)
    grow_old(tmp_path, "deepgram")
    deepgram.models = {"tts": [{"name": "new", "canonical_name": "aura-3-new-de", "languages": ["de-DE"]}]}
    answer = get(client)
    assert ids(answer, "deepgram") == ["aura-3-new-de"]
    assert answer.get_json()["deepgram"][0]["accent"] == "German"
    assert "X-Voices-Stale" not in answer.headers


def test_old_list_is_served_while_a_new_one_is_on_its_way(
    client: FlaskClient, deepgram: DeepgramFake, tmp_path: Path
) -> None:
    before = get(client)
    grow_old(tmp_path, "deepgram")
    asked, go_on = threading.Event(), threading.Event()

    def slowly(exchange: Any) -> None:
        asked.set()
        go_on.wait(30)
        answers.as_json(deepgram.models)(exchange)

    deepgram.then(slowly)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(get, client.application.test_client())
        assert asked.wait(30)
        meanwhile = get(client)
        assert meanwhile.data == before.data
        assert meanwhile.headers["X-Voices-Stale"] == "deepgram"
        go_on.set()
        assert leader.result(30).status_code == 200
    assert sum(hit.path == MODELS for hit in deepgram.hits) == 2


def test_500_when_no_cloud_vendor_answers(
    client: FlaskClient, deepgram: DeepgramFake, elevenlabs: ElevenLabsFake
) -> None:
    deepgram.then(*[answers.status(401)] * 2)
    elevenlabs.then(*[answers.status(403)] * 2)
    answer = get(client)
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_ERROR")
    assert b"CANARY" not in answer.data


def test_embedded_voices_do_not_hide_failed_cloud_vendors(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake, elevenlabs: ElevenLabsFake
) -> None:
    client = make_client(**{**settings, "ESPEAK_ENABLED": "true"})
    deepgram.then(*[answers.status(401)] * 2)
    elevenlabs.then(*[answers.status(403)] * 2)
    assert get(client).status_code == 500
    assert get(client, "provider=espeak").status_code == 200


def test_500_when_only_the_named_vendor_fails(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(*[answers.status(401)] * 2)
    answer = get(client, "provider=deepgram")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_ERROR")
    assert ids(get(client, "provider=elevenlabs"))


def test_named_vendor_with_a_last_good_list_is_no_failure(
    client: FlaskClient, deepgram: DeepgramFake, tmp_path: Path
) -> None:
    get(client, "provider=deepgram")
    grow_old(tmp_path, "deepgram")
    deepgram.then(*[answers.status(401)] * 2)
    answer = get(client, "provider=deepgram")
    assert answer.status_code == 200
    assert answer.headers["X-Voices-Stale"] == "deepgram"


def test_list_of_another_account_is_not_shown(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake
) -> None:
    get(make_client(**settings))
    deepgram.models = {"tts": [{"name": "own", "canonical_name": "aura-2-own-en", "languages": ["en"]}]}
    assert ids(get(make_client(**{**settings, "DEEPGRAM_API_KEY": "other"})), "deepgram") == ["aura-2-own-en"]


def test_hostile_strings_of_a_vendor_are_harmless(client: FlaskClient, deepgram: DeepgramFake) -> None:
    def voice(voice_id: str, **told: Any) -> dict[str, Any]:
        return {"canonical_name": voice_id, "languages": ["en"], "name": "n", **told}

    samples = ["javascript:alert(1)", "http://x/y", "https://", "//x", "https://x/a b", 7, None, "https://[x"]
    deepgram.models = {
        "tts": [
            *(
                voice(f"v{number}", metadata={"sample": sample})
                for number, sample in enumerate(samples)
            ),
            voice("named", name="<img onerror=x>\r\nX: \u202e1\0" + "a" * 999, languages=["<b>", "arb", 5]),
            voice("../../v1/user"),
            voice("named"),
            voice("x" * 129),
            {"canonical_name": None},
            "voice",
            None,
        ]
    }  # fmt: skip
    found = get(client).get_json()["deepgram"]
    assert [each["sample"] for each in found[:8]] == [""] * 8
    assert [each["id"] for each in found[8:]] == ["named"]
    assert len(found[8]["name"]) <= 200
    assert found[8]["name"].isprintable()


def test_damaged_or_foreign_file_is_a_list_that_is_not_there(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake, tmp_path: Path
) -> None:
    get(make_client(**settings))
    file = tmp_path / "cache" / "voices" / "deepgram.json"
    for damage in (b"", b"{", b"[]", b'{"format": 1}', file.read_bytes()[:-20]):
        file.write_bytes(damage)
        assert "deepgram" in get(make_client(**settings)).get_json()
    assert len(deepgram.hits) == 6
    assert file.stat().st_mode & 0o077 == 0


def test_disk_that_takes_nothing_costs_no_answer(
    make_client: MakeClient, settings: dict[str, str], deepgram: DeepgramFake, tmp_path: Path
) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "cache" / "voices").write_text("in the way")
    client = make_client(**settings)
    assert get(client).data == get(client).data
    assert len(deepgram.hits) == 1


def test_refused_key_is_said_without_hope_of_a_retry(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.status(401))

    answer = get(client, "provider=deepgram")

    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_ERROR")
    assert answer.get_json()["error"].startswith("the server's key for deepgram was refused")
    assert "again" not in answer.get_json()["error"]
    assert b"good" not in answer.data


def test_refused_key_is_named_beside_the_other_lists(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.status(403))

    answer = get(client)

    assert list(answer.get_json()) == ["elevenlabs", "voices"]
    assert (answer.headers["X-Voices-Failed"], answer.headers["X-Voices-Key-Refused"]) == ("deepgram", "deepgram")


def test_every_reason_is_given_when_no_list_came(
    client: FlaskClient, deepgram: DeepgramFake, elevenlabs: ElevenLabsFake
) -> None:
    deepgram.then(answers.status(401))
    elevenlabs.then(*[answers.status(500)] * 2)

    sentence = get(client).get_json()["error"]

    assert "the server's key for deepgram was refused" in sentence
    assert sentence.endswith("; elevenlabs sent no list of voices; try again soon")
