"""The operator's own voices: their file, their names in every endpoint and list, and DEFAULT_VOICE."""

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.audio.spec import AudioSpec
from sayna.config import ConfigError
from tests.audio.sounds import heard
from tests.blueprints.clips import SECRETS, packed, signed
from tests.blueprints.conftest import MakeClient
from tests.blueprints.own_voices import CHAIN, SPARE, VOICES, own_client, say, spoke, write_voices
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake

NONE: dict[str, str] = {}
OPEN = {
    "SAY_ENABLED": "true",
    "COMPAT_ENABLED": "openai,jambonz,elevenlabs,marytts",
    "CLIP_SECRETS_JSON": SECRETS,
    "OPEN_GET_VENDORS": "true",
}
Own = Callable[..., FlaskClient]


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def own(make_client: MakeClient, deepgram: DeepgramFake, tmp_path: Path) -> Own:
    """Return a maker of clients of a server with these voices and settings."""
    return partial(own_client, make_client, tmp_path, deepgram)


@pytest.fixture
def client(own: Own) -> FlaskClient:
    return own(**OPEN)


@pytest.mark.parametrize(
    ("body", "provider"),
    [
        ({"voice": "reception"}, "deepgram"),
        ({"voice": "plain", "model": "", "provider": None}, "espeak"),
        ({"voice": "alias/plain"}, "espeak"),
        ({"voice": "espeak/gmw/de"}, "espeak"),
        ({"voice": "ESPEAK:gmw/de"}, "espeak"),
        ({"provider": "alias", "voice_id": "reception", "model": "aura-asteria-en"}, "deepgram"),
        ({"tts_config": {"provider": "Alias", "voice_id": "plain", "model": "x"}}, "espeak"),
        ({"tts_config": {"voice": "plain"}}, "espeak"),
    ],
)
def test_voice_has_its_name_in_each_form(client: FlaskClient, body: dict[str, Any], provider: str) -> None:
    answer = client.post("/speak", json={"text": "Hello", **body})

    assert (answer.status_code, answer.headers["x-provider"]) == (200, provider)
    assert "x-ignored-fields" not in answer.headers


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"voice": "nobody"}, "UNKNOWN_VOICE"),
        ({"voice": "acme/voice"}, "UNKNOWN_VOICE"),
        ({"voice": "espeak/"}, "UNKNOWN_VOICE"),
        ({"provider": "alias"}, "UNKNOWN_VOICE"),
        ({"provider": "alias", "voice_id": "Reception"}, "UNKNOWN_VOICE"),
        ({"voice": "reception", "provider": "espeak"}, "INVALID_REQUEST"),
        ({"voice": "reception", "voice_id": "gmw/de"}, "INVALID_REQUEST"),
        ({"voice": "reception", "model": "x"}, "INVALID_REQUEST"),
        ({"voice": 5}, "INVALID_REQUEST"),
        ({"voice": "espeak/../../etc/passwd"}, "INVALID_REQUEST"),
    ],
)
def test_wrong_name_is_a_mistake_of_the_caller(client: FlaskClient, body: dict[str, Any], code: str) -> None:
    answer = client.post("/speak", json={"text": "Hello", **body})

    assert (answer.status_code, answer.get_json()["code"]) == (400, code)


@pytest.mark.parametrize(("voices", "names"), [({}, ""), ({"plain": [SPARE]}, "plain, or ")])
def test_unknown_voice_is_told_the_names(own: Own, voices: dict[str, Any], names: str) -> None:
    answer = own(voices).post("/speak", json={"text": "Hello", "voice": "nobody"})

    assert f"unknown; send {names}provider/voice_id," in answer.get_json()["error"]


def test_single_target_takes_settings_and_multiplies_the_rate(own: Own, deepgram: DeepgramFake) -> None:
    target = {**SPARE, "speaking_rate": 2, "voice_settings": {"pitch": 10}}
    client = own({"plain": [target]})
    body = {"text": "Hello", "voice": "plain", "voice_settings": {"volume": 50}, "speaking_rate": 1.5}

    answer = client.post("/speak", json=body)

    assert (answer.status_code, answer.get_json()["metadata"]["speaking_rate"]) == (200, 3.0)


def test_another_gain_is_another_clip_of_the_same_take(own: Own, deepgram: DeepgramFake, tmp_path: Path) -> None:
    client = own({"reception": CHAIN[:1]})
    plain = say(client)
    write_voices(tmp_path, {"reception": [{**CHAIN[0], "gain_db": -6}]})
    quiet = [say(client) for _ in range(2)]

    spec = AudioSpec("linear16", 24000)
    assert [heard(each.data, spec).loudness for each in quiet] == pytest.approx(
        [heard(plain.data, spec).loudness * 10 ** (-6 / 20)] * 2, rel=0.01
    )
    assert {each.headers["x-cache"] for each in quiet} == {"HIT"}
    assert {each.headers["ETag"] for each in quiet} != {plain.headers["ETag"]}
    assert len(deepgram.hits) == 1


def test_language_picks_the_targets_that_speak_it(own: Own, deepgram: DeepgramFake) -> None:
    german = {"provider": "espeak", "language": "de"}
    client = own({"reception": [*CHAIN, german], "english": CHAIN})

    answer = say(client, form="envelope", language="de_AT")
    refused = say(client, voice="english", language="de")

    assert (spoke(answer), answer.get_json()["metadata"]["language"]) == ((200, "espeak", None), "de")
    assert (refused.status_code, deepgram.hits) == (400, [])


@pytest.mark.parametrize(
    ("default", "body", "provider", "voice"),
    [
        ("plain", {}, "espeak", "gmw/en-US"),
        ("reception", {"language": "en-GB"}, "deepgram", "aura-2-thalia-en"),
        ("espeak/roa/fr", {}, "espeak", "roa/fr"),
        ("plain", {"provider": "deepgram"}, "deepgram", "aura-2-thalia-en"),
        ("espeak/roa/fr", {"voice": "reception"}, "deepgram", "aura-2-thalia-en"),
        ("plain", {"language": "es"}, "deepgram", None),
        ("reception", {"voice_settings": {"mip_opt_out": True}}, "deepgram", "aura-2-thalia-en"),
    ],
)
def test_default_voice_is_for_requests_that_name_nothing(
    own: Own, default: str, body: dict[str, Any], provider: str, voice: str | None
) -> None:
    client = own(DEFAULT_VOICE=default)

    answer = client.post("/speak", json={"text": "Hello", **body})

    assert (answer.status_code, answer.headers["x-provider"]) == (200, provider)
    assert voice in (None, answer.headers["x-voice-id"])


def test_file_is_read_again_and_a_mistake_keeps_the_old_voices(
    client: FlaskClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"text": "Hello", "voice": "plain"}
    assert client.post("/speak", json=body).get_json()["metadata"]["voice_id"] == "gmw/en-US"

    write_voices(tmp_path, {**VOICES, "plain": [{**SPARE, "voice_id": "gmw/de"}]})
    changed = client.post("/speak", json=body)
    write_voices(tmp_path, '{"plain": [{"provider": "acme"}], "other": []}')
    kept = [client.post("/speak", json=body) for _ in range(2)]

    assert changed.get_json()["metadata"]["voice_id"] == "gmw/de"
    assert {each.get_json()["metadata"]["voice_id"] for each in kept} == {"gmw/de"}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 1
    assert "target 1 of 'plain'" in told[0]
    assert "'other' no list of targets" in told[0]


@pytest.mark.parametrize(
    ("voices", "problems"),
    [
        ("{", ["is not JSON"]),
        ("[]", ["is not a mapping"]),
        ({"azure": [SPARE], "a b": [SPARE], "alias": [SPARE]}, ["'azure'", "'a b'", "'alias'"]),
        ({"a": SPARE, "b": ["espeak"]}, ["'a' no list", "target 1 of 'b'"]),
        ({"a": [{**SPARE, "speed": 2}]}, ["speed"]),
        ({"a": [{"voice_id": "x"}]}, ["target 1 of 'a'"]),
        ({"a": [SPARE, {"provider": "azure"}]}, ["target 2 of 'a': azure is not configured"]),
        ({"a": [{**SPARE, "voice_settings": {"x": 1}}]}, ["has no 'x'"]),
        ({"a": [{**SPARE, "voice_id": "../x"}]}, ["voice_id"]),
        ({"a": [{**SPARE, "voice_id": "gmw/en-GB"}]}, ["target 1 of 'a': espeak does not know this voice"]),
        ({"a": [{**SPARE, "language": "de"}]}, ["speaks en-US"]),
        ({"a": [{**SPARE, "speaking_rate": 9}]}, ["speaking_rate"]),
        ({"a": [{**SPARE, "gain_db": 20.5}]}, ["gain_db must lie between -20 and 20"]),
    ],
)
def test_mistake_in_the_file_is_told_at_start(own: Own, voices: object, problems: list[str]) -> None:
    with pytest.raises(ConfigError) as told:
        own(voices)

    assert all(problem in str(told.value) for problem in problems), str(told.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "at line 1"),
        ("a: [{provider: espeak}]\na: []", "repeated name"),
        ("a: [{provider: 5}]", "must be a string"),
        ("a: [{provider: espeak, gain_db: .nan}]", "gain_db must be a number"),
        (f"a: [{{provider: espeak, gain_db: 1{400 * '0'}}}]", "gain_db must be a number"),
        (f"a: [{{provider: espeak, speaking_rate: 0x{400 * 'f'}}}]", "speaking_rate must be a number"),
    ],
)
def test_mistake_in_yaml_is_told_at_start(make_client: MakeClient, tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        make_client(VOICES_PATH=str(write_voices(tmp_path, text, "voices.yaml")))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"VOICES_PATH": "/nowhere/voices.yaml"}, "cannot be read"),
        ({"DEFAULT_VOICE": "reception"}, "needs VOICES_PATH"),
        ({"DEFAULT_VOICE": "azure/x"}, "azure is not configured"),
        ({"DEFAULT_VOICE": "espeak/x"}, "espeak does not know this voice"),
    ],
)
def test_missing_voice_is_told_at_start(make_client: MakeClient, settings: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        make_client(**settings)


def test_default_voice_must_be_in_the_file(own: Own) -> None:
    with pytest.raises(ConfigError, match="no voice nobody"):
        own(DEFAULT_VOICE="nobody")


def test_lists_have_the_own_voices_first(client: FlaskClient) -> None:
    catalogue = client.get("/voices").get_json()
    only = client.get("/voices?provider=alias").get_json()
    mary = client.get("/marytts/voices").text.splitlines()
    openai = [voice["id"] for voice in client.get("/v1/audio/voices").get_json()["voices"]]
    eleven = [voice["voice_id"] for voice in client.get("/v1/voices").get_json()["voices"]]
    page = client.get("/v2/voices?search=recep").get_json()["voices"]

    assert list(catalogue)[-1] == "aliases"
    assert catalogue["aliases"] == only["aliases"] == only["voices"]
    assert catalogue["aliases"][0] == {
        "id": "reception",
        "sample": "",
        "name": "reception",
        "accent": "American",
        "gender": "Unknown",
        "language": "English",
        "provider": "alias",
        "languages": ["en", "en-US"],
        "chain": ["deepgram/aura-2-thalia-en", "espeak/gmw/en-US"],
    }
    assert catalogue["aliases"][1] in catalogue["voices"]
    assert mary[:2] == ["reception en neutral hmm", "plain en_US neutral hmm"]
    assert openai[:3] == ["reception", "plain", "alloy"]
    assert (eleven[:2], [voice["voice_id"] for voice in page]) == (["reception", "plain"], ["reception"])
    assert client.get("/v1/voices/reception").get_json()["voice_id"] == "reception"
    assert "aliases" not in client.get("/voices?language=de").get_json()
    assert "aliases" not in client.get("/voices?provider=espeak").get_json()


def test_server_without_own_voices_lists_none(make_client: MakeClient) -> None:
    client = make_client()

    assert "aliases" not in client.get("/voices").get_json()
    assert client.get("/voices?provider=alias").get_json() == {"voices": []}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/audio/speech", {"input": "Hello", "model": "tts-1", "voice": "reception"}),
        ("/v1/audio/speech", {"input": "Hello", "model": "espeak", "voice": {"id": "reception"}, "instructions": "x"}),
        ("/v1/text-to-speech/reception", {"text": "Hello", "model_id": "espeak", "voice_settings": {"stability": 1}}),
        ("/v1/text-to-speech/reception/stream", {"text": "Hello"}),
        ("/jambonz/tts?provider=espeak&model=x", {"text": "Hello", "voice": "reception", "language": "en-US"}),
        ("/say.wav?text=Hello&voice=reception", None),
        ("/marytts/process?INPUT_TEXT=Hello&VOICE=reception&LOCALE=en_US", None),
    ],
)
def test_each_dialect_knows_the_name_and_falls_back(
    client: FlaskClient, deepgram: DeepgramFake, path: str, body: dict[str, Any] | None
) -> None:
    deepgram.then(answers.status(500))

    answers_of = [client.get(path) if body is None else client.post(path, json=body, buffered=True) for _ in range(2)]

    assert [each.status_code for each in answers_of] == [200, 200], answers_of[0].text
    assert [each.headers["x-fallback"] for each in answers_of] == ["deepgram", "deepgram"]
    assert answers_of[0].data
    assert answers_of[0].headers["Cache-Control"].endswith("max-age=60")
    assert len(deepgram.hits) == 1


@pytest.mark.parametrize("path", ["/say.wav?text=Hello&voice=", "/marytts/process?INPUT_TEXT=Hello&VOICE="])
def test_open_get_spends_no_money_on_a_chain(own: Own, deepgram: DeepgramFake, path: str) -> None:
    voices = {**VOICES, "paid": CHAIN[:1]}
    client = own(voices, SAY_ENABLED="true", COMPAT_ENABLED="marytts")

    local, refused = client.get(f"{path}reception"), client.get(f"{path}paid")

    assert (local.status_code, local.headers.get("x-fallback")) == (200, None)
    assert refused.status_code == 403
    assert deepgram.hits == []


def test_clip_keeps_the_name_and_follows_its_targets(
    client: FlaskClient, deepgram: DeepgramFake, tmp_path: Path
) -> None:
    minted = client.post("/clips", json={"text": "Hello", "voice": "reception", "expires_in": 0, "speaking_rate": 1})
    path = minted.get_json()["path"]
    first = client.get(path)
    write_voices(tmp_path, {"reception": [SPARE]})
    later = client.get(path)
    write_voices(tmp_path, {"other": [SPARE]})
    gone = client.get(path)

    payload = packed('{"a":"reception","t":"Hello"}')
    assert path == signed(payload)
    assert (first.status_code, len(deepgram.hits)) == (200, 1)
    assert (later.status_code, first.data != later.data, len(deepgram.hits)) == (200, True, 1)
    assert gone.status_code == 404


def test_clip_of_a_fallback_is_kept_for_a_minute(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.status(500))
    path = signed(packed('{"a":"reception","t":"Hello"}'))

    spare = client.get(path)
    known = client.get(path, headers={"If-None-Match": spare.headers["ETag"]})

    assert (spare.status_code, spare.headers["x-fallback"]) == (200, "deepgram")
    assert spare.headers["Cache-Control"] == "public, max-age=60"
    assert (known.status_code, known.headers["ETag"]) == (304, spare.headers["ETag"])


def test_address_and_default_voice_are_pinned_in_a_clip(own: Own, deepgram: DeepgramFake) -> None:
    client = own(CLIP_SECRETS_JSON=SECRETS, DEFAULT_VOICE="plain")
    body = {"text": "Hello", "expires_in": 0, "render": False}

    address = client.post("/clips", json={**body, "voice": "espeak/gmw/de"}).get_json()["path"]
    default = client.post("/clips", json=body).get_json()["path"]

    assert address == signed(packed('{"p":"espeak","t":"Hello","v":"gmw/de"}'))
    assert default == signed(packed('{"a":"plain","t":"Hello"}'))


def test_clip_with_a_name_and_a_provider_is_not_ours(client: FlaskClient) -> None:
    assert client.get(signed(packed('{"a":"reception","p":"espeak","t":"Hello"}'))).status_code == 404


def test_command_lists_the_own_voices(client: FlaskClient) -> None:
    runner = client.application.test_cli_runner()

    only = runner.invoke(args=["voices", "--provider", "alias", "--json"]).stdout
    table = runner.invoke(args=["voices", "--language", "en"]).stdout

    assert [voice["id"] for voice in json.loads(only)] == ["reception", "plain"]
    assert "alias     reception" in table


def test_sample_file_is_valid(make_client: MakeClient) -> None:
    sample = Path(__file__).parents[2] / "deploy" / "voices.yaml"
    keys = {"ELEVENLABS_API_KEY": "k", "AZURE_SPEECH_SUBSCRIPTION_KEY": "k", "DEEPGRAM_API_KEY": "k"}

    client = make_client(**keys, VOICES_PATH=str(sample), DEFAULT_VOICE="reception")

    services = client.application.extensions["sayna"]
    assert list(services.planner.own_voices) == ["reception", "announcements", "hotline-de"]
