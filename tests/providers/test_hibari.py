"""The natural voice: what it speaks, what espeak speaks for it, and which requests it is the default of."""

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sayna.audio.spec import AudioSpec
from sayna.engines.pool import EnginePool
from sayna.engines.wire import HIBARI
from sayna.errors import EmptyText, ProviderRejectedRequest
from sayna.http import Deadline
from sayna.providers.hibari import DEFAULT_VOICE, Hibari, HibariConfig, _registry
from sayna.providers.local import LocalProvider
from tests.audio.sounds import heard
from tests.blueprints.conftest import MakeClient, make_client  # noqa: F401 - a fixture
from tests.blueprints.own_voices import own_client
from tests.engines.processes import engine_pids, signal_engines
from tests.wire import answers
from tests.wire.asking import request, speak
from tests.wire.deepgram import DeepgramFake

pytestmark = pytest.mark.usefixtures("natural_voice")

NINES = "9" * 300


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a pool that has the voice in memory: to load it takes seconds on a busy machine."""
    folder = tmp_path_factory.mktemp("pool")
    keeper = EnginePool(folder)
    told = {"model": "", "version": "", "is_british": False, "speed": 1.0, "text": "Hello."}
    assert list(keeper.ask(HIBARI, json.dumps(told).encode(), Deadline.after(100)))
    yield folder
    keeper.close()


@pytest.fixture
def make(make_client: MakeClient, loaded: Path) -> MakeClient:  # noqa: F811
    def made(**settings: str) -> FlaskClient:
        client = make_client(**settings)
        for provider in client.application.extensions["sayna"].providers.values():
            if isinstance(provider, LocalProvider):
                provider.pool = EnginePool(loaded)
        return client

    return made


@pytest.fixture
def client(make: MakeClient) -> FlaskClient:
    return make()


def spoke(client: FlaskClient, text: str, headers: dict[str, str] | None = None, **query: object) -> TestResponse:
    answer = client.post("/speak", json={"text": text, **query}, headers=headers)
    assert answer.status_code == 200, answer.data
    return answer


def who(
    client: FlaskClient, text: str, headers: dict[str, str] | None = None, **query: object
) -> tuple[str, str | None]:
    answer = spoke(client, text, headers, **query)
    return answer.headers["x-provider"], answer.headers.get("x-fallback")


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_speech_is_natural_sound_at_24_khz(loaded: Path) -> None:
    hibari = Hibari(HibariConfig())
    hibari.pool = EnginePool(loaded)
    sound = heard(speak(hibari, request(hibari, "wav", 24000, text="Hello there.")), AudioSpec("wav", 24000))
    hibari.close()
    assert 0.5 < sound.seconds < 3
    assert sound.loudness > 0.01


def test_its_process_sends_no_telemetry_and_has_no_http_client(loaded: Path) -> None:
    # onnxruntime 1.29 and later report their use to the vendor, from a database in the home folder.
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in engine_pids(EnginePool(loaded))]
    (neural,) = [text for text in maps if "onnxruntime_pybind11_state" in text]
    assert "onnxruntime.db" not in neural
    assert "libssl" not in neural


@pytest.mark.parametrize(
    ("query", "provider"),
    [
        ({"text": "Hello there."}, "hibari"),
        ({"text": "Hello there.", "language": "en-GB"}, "hibari"),
        ({"text": "Hello there.", "voice_id": DEFAULT_VOICE}, "hibari"),
        ({"text": "Café \U0001f600 — 20°C, 5€."}, "hibari"),
        ({"text": "Hallo.", "language": "de"}, "espeak"),
        ({"text": "Привет."}, "espeak"),
        ({"text": "你好 hello"}, "espeak"),
        ({"text": "Hello there.", "voice_id": "gmw/en-US"}, "espeak"),
        ({"text": "Hello there.", "voice_settings": {"pitch": 60}}, "espeak"),
        ({"text": "Hello there.", "provider": "espeak"}, "espeak"),
    ],
)
def test_it_is_the_default_for_english_and_latin_text(
    client: FlaskClient, query: dict[str, object], provider: str
) -> None:
    assert who(client, **query) == (provider, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query",
    [
        {"text": f"Hello. {NINES}"},
        {"text": "Привет.", "provider": "hibari"},
        {"text": "Hello Привет.", "language": "en"},
        {"text": "Let x ≥ 3."},
        {"text": "\U0001f600", "provider": "hibari"},
        {"text": "１２３", "provider": "hibari", "voice_id": DEFAULT_VOICE},  # noqa: RUF001 - of full width
    ],
)
def test_espeak_speaks_what_it_cannot_read(client: FlaskClient, query: dict[str, object]) -> None:
    for _ in range(2):
        assert who(client, **query) == ("espeak", "hibari")  # type: ignore[arg-type]


def test_espeak_speaks_when_the_engine_fails(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hibari, "reads", lambda self, text: True)
    assert who(client, f"Hello. {NINES}") == ("espeak", "hibari")
    assert who(client, "This text is read.") == ("hibari", None)


def test_an_engine_that_dies_costs_a_retry_only(client: FlaskClient) -> None:
    services = client.application.extensions["sayna"]
    spoke(client, "Hello there.")
    signal_engines(services.providers["hibari"].pool)
    # By the provider itself: to load the voice again may take longer than a chain waits.
    hibari = services.providers["hibari"]
    assert b"".join(hibari.synthesize(request(hibari, text="How are you?")).chunks)


def test_the_understudy_is_not_needed(make: MakeClient) -> None:
    alone = make(ESPEAK_ENABLED="false")
    assert who(alone, "Hello there.") == ("hibari", None)
    answer = alone.post("/speak", json={"text": NINES})
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_ERROR")


CHAINS = {
    "first": [{"provider": "hibari"}, {"provider": "deepgram"}],
    "last": [{"provider": "deepgram"}, {"provider": "hibari"}],
}
# The second may not use espeak.
ANYTHING, LIMITED = "secret-of-tenant-a-", "secret-of-tenant-b-"
SECRETS = [
    {"id": "a", "secret": ANYTHING},
    {"id": "b", "secret": LIMITED, "providers": ["hibari", "deepgram"]},
]


@pytest.fixture
def chains(make: MakeClient, tmp_path: Path) -> Iterator[tuple[FlaskClient, DeepgramFake]]:
    """Return a client of a server with chains of hibari and Deepgram, and two tenants."""
    with DeepgramFake() as fake:
        secrets = json.dumps(SECRETS)
        yield own_client(make, tmp_path, fake, CHAINS, AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=secrets), fake


def test_chain_names_it_for_a_text_that_it_cannot_read(chains: tuple[FlaskClient, DeepgramFake]) -> None:
    client, _ = chains
    body = {"text": "Привет.", "voice": "first"}
    found = [who(client, headers=bearer(secret), **body) for secret in (ANYTHING, LIMITED, LIMITED)]
    assert found == [("espeak", "hibari"), ("deepgram", "hibari"), ("deepgram", "hibari")]


def test_understudy_speaks_behind_the_last_target(
    chains: tuple[FlaskClient, DeepgramFake], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, deepgram = chains
    monkeypatch.setattr(Hibari, "reads", lambda self, text: True)
    deepgram.then(answers.status(500))
    assert who(client, NINES, voice="last", headers=bearer(ANYTHING)) == ("espeak", "deepgram,hibari")


def test_its_voice_is_not_taken_for_one_of_espeak(make: MakeClient) -> None:
    off = make(HIBARI_ENABLED="false")
    told = [off.post("/speak", json={"text": "Hello", "voice_id": voice}) for voice in (DEFAULT_VOICE, "nosuch")]
    assert [each.get_json()["code"] for each in told] == ["PROVIDER_NOT_CONFIGURED", "PROVIDER_REJECTED_REQUEST"]
    assert "hibari is not configured" in told[0].get_json()["error"]


def test_it_can_be_turned_off(make: MakeClient) -> None:
    off = make(HIBARI_ENABLED="false")
    assert who(off, "Hello there.") == ("espeak", None)
    answer = off.post("/speak", json={"text": "Hello", "provider": "hibari"})
    assert answer.get_json()["code"] == "PROVIDER_NOT_CONFIGURED"
    assert "HIBARI_ENABLED" in answer.get_json()["error"]
    assert "hibari" not in off.get("/voices").get_json()


def test_another_language_and_an_unknown_voice_are_refused(client: FlaskClient) -> None:
    for query in ({"language": "de"}, {"voice_id": "nosuch"}, {"voice_id": "emma"}):
        answer = client.post("/speak", json={"text": "Hello", "provider": "hibari", **query})
        assert answer.status_code == 400, query
    hibari = Hibari(HibariConfig())
    with pytest.raises(ProviderRejectedRequest):
        hibari.synthesize(request(hibari, text="Hello", voice_id="nosuch"))


def test_sound_of_nothing_is_an_empty_text(loaded: Path) -> None:
    hibari = Hibari(HibariConfig())
    hibari.pool = EnginePool(loaded)
    with pytest.raises(EmptyText):
        hibari.synthesize(request(hibari, text="\U0001f600"))
    hibari.close()


def test_voices_of_the_operator_come_from_a_folder_only(tmp_path: Path, loaded: Path) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    hibari = Hibari(HibariConfig(voices_path=folder))
    hibari.pool = EnginePool(loaded)
    assert [voice.id for voice in hibari.list_voices(Deadline.after(5))] == ["heart"]
    registry = _registry()
    found = importlib.util.find_spec("hibari")
    assert found
    assert found.origin
    packaged = Path(found.origin).parent / "assets" / registry["heart"]["file"]
    shutil.copy(packaged, folder / registry["emma"]["file"])

    listed = {voice.id: voice for voice in hibari.list_voices(Deadline.after(5))}
    assert list(listed) == ["heart", "emma"]
    assert (listed["emma"].languages, listed["emma"].gender, listed["emma"].accent) == (("en-GB",), "Female", "British")
    assert hibari.resolve_voice("", "", "en-GB") == ("emma", "")
    assert hibari.resolve_voice("", "", "en-AU") == ("heart", "")
    assert (hibari.version_of("heart"), bool(hibari.version_of("emma"))) == (None, True)
    said = [b"".join(hibari.synthesize(request(hibari, text="Hello.", voice_id=name)).chunks) for name in listed]
    assert said[0] != said[1]
    (folder / registry["emma"]["file"]).write_bytes(b"broken")
    with pytest.raises(Exception, match="failed"):
        hibari.synthesize(request(hibari, text="Hello.", voice_id="emma"))
    hibari.close()


def test_folder_that_cannot_be_read_leaves_the_voice_of_the_package(caplog: pytest.LogCaptureFixture) -> None:
    # A name that is too long fails as a folder does whose disk or permission is gone.
    hibari = Hibari(HibariConfig(voices_path=Path("x" * 300)))

    assert hibari.suits("Hello there.", "en", ())
    assert hibari.resolve_voice("", "", "en-GB") == ("heart", "")
    assert [voice.id for voice in hibari.list_voices(Deadline.after(5))] == ["heart"]
    assert "too long" in caplog.text


def test_voices_lists_it(client: FlaskClient) -> None:
    (voice,) = client.get("/voices?provider=hibari").get_json()["hibari"]
    assert (voice["id"], voice["language"], voice["accent"], voice["gender"]) == (
        "heart",
        "English",
        "American",
        "Female",
    )


def test_the_same_text_is_paid_for_once_and_cached(client: FlaskClient) -> None:
    first, second = (spoke(client, "Hello there.") for _ in range(2))
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.get_json()["audio"] == second.get_json()["audio"]


def test_no_spoken_text_reaches_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    spoke(client, f"CANARY {NINES}", provider="hibari")
    spoke(client, "CANARY bird.")
    assert "CANARY" not in json.dumps([record.getMessage() for record in caplog.records])
