"""`sayna speak`: a file in the format of its ending, standard output, or a player."""

import io
import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from sayna import audio
from tests.cli.conftest import Run
from tests.wire.deepgram import DeepgramFake

ROOT = Path(__file__).resolve().parents[2]


def test_file_has_the_format_of_its_ending(run: Run, tmp_path: Path) -> None:
    spoken = run("speak", "Hello", "-o", "hello.wav")
    assert spoken.exit_code == 0, spoken.output
    with wave.open(str(tmp_path / "hello.wav")) as clip:
        assert clip.getframerate() == 24000
        assert clip.getnframes() > 6000
    assert run("speak", "Hello", "-o", "hello.ulaw").exit_code == 0
    assert 1000 < (tmp_path / "hello.ulaw").stat().st_size < 16000


def test_text_and_audio_go_through_pipes(run: Run) -> None:
    spoken = run("speak", "-", "--language", "de", text="Guten Tag")

    assert spoken.exit_code == 0, spoken.output
    with wave.open(io.BytesIO(spoken.stdout_bytes)) as clip:
        assert clip.getnframes() > 6000


def test_json_says_what_was_spoken(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    said = [json.loads(run("speak", "Hello", "-o", "hello.mp3", "--json", CACHE_PATH="cache").stdout) for _ in range(2)]

    assert [each["cached"] for each in said] == [False, True]
    assert said[0]["audio_format"] == "mp3"
    assert said[0]["size_bytes"] == (tmp_path / "hello.mp3").stat().st_size
    assert said[0]["sample_rate"] in audio.SAMPLE_RATES


def test_play_gives_the_file_to_a_player(run: Run, tmp_path: Path) -> None:
    player = tmp_path / "aplay"
    player.write_text(f'#!/bin/sh\n/bin/cp "$2" {tmp_path}/played.wav\n')
    player.chmod(0o755)

    assert run("speak", "Hello", "--play", PATH=str(tmp_path)).exit_code == 0
    with wave.open(str(tmp_path / "played.wav")) as clip:
        assert clip.getnframes() > 6000


TENANTS: dict[str, str] = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": json.dumps(
        [{"id": "a", "secret": "secret-of-a-0123456789", "providers": ["deepgram"], "characters_per_month": 8}]
    ),
    "DEEPGRAM_API_KEY": "good",
}


def test_tenant_pays_within_its_cap_and_its_providers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    with DeepgramFake() as vendor:
        settings = {**TENANTS, "CACHE_PATH": "cache", "DEEPGRAM_BASE_URL": vendor.url}
        spoken = run("speak", "Hello", "-o", "x.wav", "--provider", "deepgram", "--tenant", "a", **settings)
        assert spoken.exit_code == 0, spoken.output
        over = run("speak", "Hello you", "-o", "y.wav", "--provider", "deepgram", "--tenant", "a", **settings)
        usage = run("usage", "--json", **settings)
    assert [(row["tenant"], row["billed"]) for row in json.loads(usage.stdout)] == [("a", 5)]
    assert (over.exit_code, "8 characters" in over.stderr) == (1, True), over.stderr
    for tenant, status, sentence in (("a", 1, "may not use espeak"), ("c", 2, "no tenant")):
        refused = run("speak", "Hi", "-o", "z.wav", "--provider", "espeak", "--tenant", tenant, **settings)
        assert (refused.exit_code, sentence in refused.stderr) == (status, True), refused.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["", "-o", "x.wav"], 1, "text"),
        (["Hi", "-o", "x.docx"], 1, "ext"),
        (["Hi", "-o", "x.wav", "--provider", "nobody"], 1, "provider"),
        (["Hi", "-o", "none/x.wav"], 1, "none/x.wav: No such file or directory"),
        (["Hi", "--json"], 2, "name a file with -o, or use --play"),
        (["Hi", "--play"], 1, "no program here plays audio"),
    ],
)
def test_mistake_is_a_sentence(run: Run, tmp_path: Path, arguments: list[str], status: int, sentence: str) -> None:
    result = run("speak", *arguments, PATH=str(tmp_path))

    assert result.exit_code == status, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["speak", "clip"])
def test_text_that_is_not_utf8_is_refused(run: Run, command: str) -> None:
    for call in (run(command, "caf\udce9"), run("speak", "-", text=b"caf\xe9")):
        assert (call.exit_code, call.stdout_bytes) == (1, b"")
        assert "text must be UTF-8" in call.stderr


def test_full_disk_behind_the_output_is_no_fault_of_the_cache() -> None:
    with Path("/dev/full").open("wb") as full:
        environ = {"PATH": "/usr/bin", "HIBARI_ENABLED": "false"}
        command = [sys.executable, "-m", "sayna", "speak", "Hello"]
        ran = subprocess.run(
            command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, env=environ, text=True, check=False
        )

    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr
    assert "cache" not in ran.stderr
