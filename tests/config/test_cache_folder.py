"""One place decides where clips are kept: load_config()."""

from pathlib import Path

import pytest

from sayna.config import load_config


def test_folder_of_scripts_run_is_the_default(tmp_path: Path) -> None:
    assert load_config({}, cwd=tmp_path).cache.path is None
    (tmp_path / "var" / "cache").mkdir(parents=True)
    assert load_config({}, cwd=tmp_path).cache.path == tmp_path / "var" / "cache"


@pytest.mark.parametrize("given", [{"CACHE_PATH": "/elsewhere"}, {}])
def test_setting_wins_over_the_folder(tmp_path: Path, given: dict[str, str]) -> None:
    (tmp_path / "var" / "cache").mkdir(parents=True)
    if not given:
        (tmp_path / ".env").write_text("CACHE_PATH=/elsewhere\n")
    assert load_config(given, cwd=tmp_path).cache.path == Path("/elsewhere")


def test_settings_without_a_folder_are_the_whole_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "var" / "cache").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert load_config({}).cache.path is None
