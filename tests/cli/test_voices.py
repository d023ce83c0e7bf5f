"""`flask voices`: the catalogue for a person at a terminal."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from app import create_app
from sayna.config import load_config
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["voices", *arguments])


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def app(tmp_path: Path, deepgram: DeepgramFake) -> Iterator[Flask]:
    made = create_app(
        load_config(
            {
                "DEEPGRAM_API_KEY": "good",
                "DEEPGRAM_BASE_URL": deepgram.url,
                "CACHE_PATH": str(tmp_path / "cache"),
                "LOG_LEVEL": "ERROR",
            }
        )
    )
    yield made
    made.extensions["sayna"].close()


def test_no_voice_is_a_sentence(app: Flask) -> None:
    result = run(app, "--provider", "deepgram", "--language", "xx")
    assert (result.exit_code, "No voice fits" in result.stderr) == (0, True), result.output


def test_voices_are_printed_as_an_aligned_table(app: Flask) -> None:
    result = run(app, "--provider", "deepgram")
    assert result.exit_code == 0, result.output
    head, thalia, apollo = result.stdout.splitlines()
    assert head.split() == ["provider", "id", "name", "language", "accent", "gender"]
    assert thalia.split() == ["deepgram", "aura-2-thalia-en", "thalia", "English", "American", "Female"]
    assert [line.index(word) for line, word in ((head, "gender"), (thalia, "Female"), (apollo, "Male"))] == [
        head.index("gender")
    ] * 3


def test_language_narrows_the_table(app: Flask) -> None:
    listed = run(app, "--language", "DE").stdout.splitlines()[1:]
    assert listed
    assert all("German" in line for line in listed)


def test_stale_list_is_named_on_stderr(app: Flask, deepgram: DeepgramFake) -> None:
    assert run(app, "--provider", "deepgram").stderr == ""
    file = app.extensions["sayna"].config.cache.path / "voices" / "deepgram.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "at": 1.0}))
    deepgram.then(*[answers.status(401)] * 3)
    result = run(app, "--provider", "deepgram")
    assert result.exit_code == 0
    assert "thalia" in result.stdout
    assert "deepgram did not answer: its list is an old one" in result.stderr


@pytest.mark.parametrize(("provider", "sentence"), [("nobody", "unknown"), ("elevenlabs", "not configured")])
def test_unknown_or_unconfigured_provider_is_an_error(app: Flask, provider: str, sentence: str) -> None:
    result = run(app, "--provider", provider)
    assert result.exit_code == 1
    assert sentence in result.stderr


def test_failing_vendor_is_named(app: Flask, deepgram: DeepgramFake) -> None:
    deepgram.then(*[answers.status(401)] * 3)
    result = run(app)
    assert result.exit_code == 1
    assert "deepgram" in result.stderr
