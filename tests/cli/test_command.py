"""`sayna`: its help, its exit status, its sentences, and how it is found and completed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sayna import __version__
from sayna.cli import COMMANDS, load_command
from tests.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"flask", "marshmallow", "requests", "sayna.services", "sayna.config"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["completion", "zsh"], ["speak", "--help"]])
def test_short_calls_import_little(arguments: list[str]) -> None:
    program = f"""
import sys
from sayna.cli.command import sayna
sayna({arguments!r}, standalone_mode=False, prog_name="sayna")
sys.stderr.write(",".join(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not HEAVY & set(ran.stderr.split(","))


def test_help_lists_every_command_and_examples(run: Run) -> None:
    result = run("--help")

    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert all(f"\n  {name} " in result.output for name in COMMANDS)
    assert run("--version").output == f"sayna {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(run: Run, name: str) -> None:
    result = run(name, "--help")

    assert result.exit_code == 0, result.output
    assert "Examples:" in result.output
    assert load_command(name).name == name


def test_status_is_two_for_a_wrong_call_and_one_for_a_failure(run: Run, tmp_path: Path) -> None:
    assert run("speek").exit_code == 2
    assert run("voices", "--colour").exit_code == 2
    failed = run("voices", "--provider", "nobody")
    assert (failed.exit_code, failed.output) == (1, failed.stderr)
    assert failed.stderr.startswith("Error: ")


def test_wrong_settings_are_sentences_and_status_one(run: Run) -> None:
    for arguments in (["voices"], ["cache", "stats"], ["config", "show"]):
        result = run(*arguments, PORT="high", WEB_THREADS="none")
        assert result.exit_code == 1
        assert "PORT" in result.stderr
        assert "WEB_THREADS" in result.stderr


def test_reader_that_has_gone_ends_a_command_without_a_sentence(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = [sys.executable, "-P", "-m", "sayna", "config", "show", "--all"]
    with os.fdopen(writer, "wb") as closed:
        env = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
        ran = subprocess.run(program, cwd=tmp_path, env=env, stdout=closed, stderr=subprocess.PIPE, check=False)

    assert (ran.returncode, ran.stderr) == (1, b"")


def test_serve_with_wrong_settings_ends_with_78(run: Run) -> None:
    result = run("serve", PORT="high")

    assert result.exit_code == os.EX_CONFIG
    assert "PORT" in result.stderr


def test_mistyped_cache_path_is_no_new_folder(run: Run, tmp_path: Path) -> None:
    mistyped = tmp_path / "vra" / "cache"
    for arguments in (["cache", "stats"], ["speak", "Hi", "-o", "x.wav"], ["clip", "Hi"]):
        result = run(*arguments, CACHE_PATH=str(mistyped))
        assert result.exit_code == 1
        assert f"CACHE_PATH is {mistyped}, and that folder is missing" in result.stderr
    assert not mistyped.parent.exists()


def test_unusable_cache_path_is_a_sentence(run: Run, tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o777)

    result = run("cache", "stats", CACHE_PATH=str(public))

    assert result.exit_code == 1
    assert "chmod 700" in result.stderr
    assert "Traceback" not in result.output


def test_env_file_gives_settings_and_the_environment_wins(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "sayna.env"
    file.write_text("PORT=4001\nHOST=127.0.0.9\nAUTH_API_SECRET=hidden-secret-of-23\nAUTH_REQUIRED=true\n")

    shown = run("--env-file", str(file), "config", "show", "--json", HOST="127.0.0.1")

    assert shown.exit_code == 0, shown.output
    values = {row["name"]: row["value"] for row in json.loads(shown.stdout)}
    assert values == {"HOST": "127.0.0.1", "PORT": "4001", "AUTH_REQUIRED": "true", "AUTH_API_SECRET": "***"}
    assert "hidden" not in shown.output
    assert run("--env-file", str(tmp_path / "none"), "config", "show").exit_code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_script_is_valid_and_completes(tmp_path: Path, run: Run, shell: str) -> None:
    script = tmp_path / f"sayna.{shell}"
    script.write_text(run("completion", shell).stdout)
    if program := shutil.which(shell):
        subprocess.run([program, "-n", str(script)], check=True, timeout=60)
    env = {**os.environ, "_SAYNA_COMPLETE": f"{shell}_complete", "COMP_WORDS": "sayna cache cl", "COMP_CWORD": "2"}
    words = subprocess.run(
        [str(ROOT / "scripts" / "sayna")], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "clear" in words.stdout
    assert "stats" not in words.stdout


def test_command_runs_through_a_link_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "sayna").mkdir()  # a folder of this name must not be taken for the package
    link = tmp_path / "bin"
    link.symlink_to(ROOT / "scripts" / "sayna")

    ran = subprocess.run([str(link), "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout == f"sayna {__version__}\n"
