"""`sayna cache`: how full it is, and what is asked before it forgets."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from sayna.config import load_config
from tests.cli.conftest import Run
from tests.engines.processes import running_pool
from tests.wire.deepgram import DeepgramFake


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> str:
    """A cache that has one clip."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    assert run("speak", "Hello", "-o", "x.wav", CACHE_PATH=str(folder)).exit_code == 0
    return str(folder)


def test_stats_are_a_table_or_json(run: Run, folder: str) -> None:
    table = run("cache", "stats", CACHE_PATH=folder).stdout
    assert table.splitlines()[0].split() == ["clips", "1"]
    assert "clips of espeak" in table
    assert json.loads(run("cache", "stats", "--json", CACHE_PATH=folder).stdout)["providers"] == {"espeak": 1}


def test_clear_needs_yes_where_it_cannot_ask(run: Run, folder: str) -> None:
    refused = run("cache", "clear", CACHE_PATH=folder)
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert json.loads(run("cache", "stats", "--json", CACHE_PATH=folder).stdout)["entries"] == 1

    cleared = run("cache", "clear", "--yes", CACHE_PATH=folder)
    assert cleared.stdout == "1 entries removed\n"
    assert "find /var/cache/sayna-clips" in cleared.stderr


def test_commands_of_flask_stay_as_scripts_call_them(run: Run, folder: str) -> None:
    app = create_app(load_config({"CACHE_PATH": folder, "LOG_LEVEL": "ERROR"}))
    runner = app.test_cli_runner()
    assert json.loads(runner.invoke(args=["cache", "stats"]).stdout)["entries"] == 1
    assert runner.invoke(args=["cache", "clear", "--provider", "espeak"]).stdout == "1 entries removed\n"
    assert "0 entries checked" in runner.invoke(args=["cache", "verify"]).stdout
    app.extensions["sayna"].close()


def test_verify_counts_as_json_too(run: Run, folder: str) -> None:
    assert json.loads(run("cache", "verify", "--json", CACHE_PATH=folder).stdout) == {"checked": 1, "damaged": 0}


def test_clips_move_to_another_cache(run: Run, folder: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir(mode=0o700)

    assert run("cache", "export", "clips.pack", CACHE_PATH=folder).stdout.startswith("1 clips, ")
    assert run("cache", "import", "clips.pack", CACHE_PATH=str(tmp_path / "other")).stdout.startswith("1 clips taken")


SPOKEN = ("a.wav", "a.mp3", "a.ulaw")


@pytest.fixture
def texts(run: Run, tmp_path: Path) -> Iterator[str]:
    """A cache with two texts, each in two voices and in three formats."""
    folder = tmp_path / "texts"
    folder.mkdir(mode=0o700)
    with running_pool(folder):
        for text in ("Ada Lovelace", "Alan Turing"):
            for voice in ("gmw/en-US", "gmw/de"):
                for name in SPOKEN:
                    spoken = run("speak", text, "-o", name, "--voice", voice, "--speed", "1.5", CACHE_PATH=str(folder))
                    assert spoken.exit_code == 0, spoken.output
        yield str(folder)


def is_cached(run: Run, folder: str, text: str) -> set[bool]:
    """Whether each clip of a text is there; a missing one is rendered."""
    options = ("--speed", "1.5", "--json")
    return {
        json.loads(run("speak", text, "-o", "a.wav", "--voice", voice, *options, CACHE_PATH=folder).stdout)["cached"]
        for voice in ("gmw/en-US", "gmw/de")
    }


def test_clear_of_a_text_forgets_it_in_every_voice_and_format(run: Run, texts: str) -> None:
    cleared = run("cache", "clear", "--text", "Ada Lovelace", "--yes", CACHE_PATH=texts)

    assert (cleared.exit_code, int(cleared.stdout.split()[0]) >= 2) == (0, True), cleared.output
    assert "find /var/cache/sayna-clips" in cleared.stderr
    assert run("cache", "clear", "--text", "Ada Lovelace", "--yes", CACHE_PATH=texts).stdout == "0 entries removed\n"
    assert is_cached(run, texts, "Alan Turing") == {True}
    assert is_cached(run, texts, "Ada Lovelace") == {False}


def test_clear_of_a_key_forgets_that_sound_alone(run: Run, texts: str) -> None:
    app = create_app(load_config({"CACHE_PATH": texts, "LOG_LEVEL": "ERROR"}))
    body = {"text": "Alan Turing", "voice_id": "gmw/de", "speaking_rate": 1.5, "sample_rate": 24000}
    answer = app.test_client().post("/speak", json=body)
    app.extensions["sayna"].close()
    assert answer.get_json()["metadata"]["cached"]

    for key in (answer.get_json()["metadata"]["cache_key"], answer.headers["ETag"]):
        cleared = run("cache", "clear", "--key", key, "--yes", CACHE_PATH=texts)
        assert cleared.exit_code == 0, cleared.output
    assert is_cached(run, texts, "Ada Lovelace") == {True}
    assert is_cached(run, texts, "Alan Turing") == {True, False}


KEPT_WAYS: list[tuple[dict[str, Any], str]] = [
    ({"voice": "loud"}, "cache_key"),
    ({"voice": "loud", "audio_format": "mp3"}, "ETag"),
    ({"silence_after_ms": 70}, "ETag"),
]


@pytest.mark.parametrize(("own", "field"), KEPT_WAYS)
def test_clear_of_a_key_knows_gains_and_silences(
    run: Run, folder: str, tmp_path: Path, own: dict[str, Any], field: str
) -> None:
    voices = tmp_path / "voices.json"
    voices.write_text(json.dumps({"loud": [{"provider": "espeak", "language": "de", "gain_db": 6.5}]}))
    settings = {"CACHE_PATH": folder, "VOICES_PATH": str(voices)}
    app = create_app(load_config({**settings, "LOG_LEVEL": "ERROR"}))
    answer = app.test_client().post(
        "/speak", json={"text": "Alan Turing", **own}, headers={"Accept": "application/json"}
    )
    app.extensions["sayna"].close()
    key = answer.get_json()["metadata"]["cache_key"] if field == "cache_key" else answer.headers["ETag"]

    run("cache", "clear", "--key", key, "--yes", **settings)

    assert json.loads(run("cache", "stats", "--json", **settings).stdout)["entries"] == 1


DOCUMENT = "<speak>Ada Lovelace</speak>"
# By the text that forgets them.
OWN_WAYS: dict[str, list[dict[str, Any]]] = {
    "Ada Lovelace": [
        {"voice_settings": {"pitch": 70}},
        {"pronunciations": [{"word": "Ada", "pronunciation": "Eda"}]},
        {"text": " ada  LOVELACE "},
        {"provider": "deepgram", "auth": {"api_key": "good"}},
    ],
    DOCUMENT: [{"text": DOCUMENT, "markup": "ssml"}],
}


def test_clear_of_a_text_forgets_every_way_to_say_it(run: Run, texts: str) -> None:
    def outcomes(ways: list[dict[str, Any]], **settings: str) -> list[tuple[int, str]]:
        app = create_app(load_config({**settings, "CACHE_PATH": texts, "LOG_LEVEL": "ERROR"}))
        answers = [app.test_client().post("/speak", json={"text": "Ada Lovelace", **own}) for own in ways]
        app.extensions["sayna"].close()
        return [(answer.status_code, answer.headers["x-cache"]) for answer in answers]

    with DeepgramFake() as vendor:
        given = {"DEEPGRAM_API_KEY": "good", "DEEPGRAM_BASE_URL": vendor.url, "DEFAULT_TTS_PROVIDER": "espeak"}
        for text, ways in OWN_WAYS.items():
            assert outcomes(ways, **given) == [(200, "MISS")] * len(ways)
            cleared = run("cache", "clear", "--text", text, "--yes", CACHE_PATH=texts)
            assert (cleared.exit_code, "earlier version" in cleared.output) == (0, False), cleared.output
            assert outcomes(ways, **given) == [(200, "MISS")] * len(ways)
    assert is_cached(run, texts, "Alan Turing") == {True}


def test_clips_of_an_earlier_version_are_told(run: Run, texts: str) -> None:
    app = create_app(load_config({"CACHE_PATH": texts, "LOG_LEVEL": "ERROR"}))
    cache = app.extensions["sayna"].cache
    body = {"text": "Ada Lovelace", "voice_settings": {"pitch": 70}}
    assert app.test_client().post("/speak", json=body).status_code == 200
    for key in cache.keys():  # noqa: SIM118 - no mapping
        clip = cache.get(key)
        assert clip
        assert cache.put(key, replace(clip, info=replace(clip.info, text_digest="")))
    app.extensions["sayna"].close()

    cleared = run("cache", "clear", "--text", "Ada Lovelace", "--yes", CACHE_PATH=texts)

    assert "1 clips of an earlier version are as long" in cleared.stderr
    assert is_cached(run, texts, "Ada Lovelace") == {False}


def test_clear_takes_one_way_to_choose(run: Run, folder: str) -> None:
    assert run("cache", "clear", "--text", "Hi", "--key", "x", "--yes", CACHE_PATH=folder).exit_code == 2
    assert run("cache", "clear", "--text", " ", "--yes", CACHE_PATH=folder).exit_code == 1
