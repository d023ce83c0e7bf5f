"""`sayna cache`: how full it is, and what is asked before it forgets."""

import json
from pathlib import Path

import pytest

from app import create_app
from sayna.config import load_config
from tests.cli.conftest import Run


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
