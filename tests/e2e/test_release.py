"""scripts/release in a repository of the test: it tags a version that is ready, and refuses every other."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.servers import ROOT
from tests.programs import needs

NOTES = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-12-01\n\n### Added\n\n- A door.\n\n## 1.1.0 - 2026-11-01\n"
WHO = {f"GIT_{role}_{field}": "tests@example.com" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}


def git(repository: Path, *words: str) -> str:
    argv = [needs("git", "apt-get install git"), *words]
    env = {"PATH": os.environ["PATH"], "HOME": str(repository.parent), **WHO}
    return subprocess.run(argv, cwd=repository, env=env, capture_output=True, text=True, check=True).stdout


def release(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(repository.parent), **WHO}
    argv = ["scripts/release", *words]
    return subprocess.run(argv, cwd=repository, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose version 1.2.0 is ready."""
    repository = tmp_path / "repository"
    for folder in ("scripts", "sayna"):
        (repository / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "release", repository / "scripts")
    git(repository, "init", "--quiet")
    change(repository, "sayna/__init__.py", '__version__ = "1.2.0"\n')
    change(repository, "CHANGELOG.md", NOTES)
    return repository


def change(repository: Path, name: str, text: str) -> None:
    (repository / name).write_text(text)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", name)


def test_release_tags_the_version_with_its_changes(repository: Path) -> None:
    done = release(repository, "1.2.0")

    assert (done.returncode, done.stderr) == (0, "")
    assert git(repository, "tag", "--list", "--format=%(objecttype) %(refname:short)") == "tag v1.2.0\n"
    told = git(repository, "tag", "--list", "--format=%(contents)")
    assert told.split() == ["Sayna", "1.2.0", "###", "Added", "-", "A", "door."]


@pytest.mark.parametrize(
    ("words", "file", "text", "reason"),
    [
        ([], "", "", "say which version"),
        (["v1.2"], "", "", "'v1.2' is not a version"),
        (["1.2.1"], "", "", "another __version__ than 1.2.1"),
        (["1.2.0"], "CHANGELOG.md", NOTES.replace("## 1.2.0 - 2026-12-01", "## 1.2.0"), "has no date"),
        (["1.2.0"], "CHANGELOG.md", NOTES.replace("2026-12-01", "2026-13-01"), "has no date"),
        (["1.2.0"], "CHANGELOG.md", NOTES.replace("## 1.2.0", "## 1x2.0"), "has no section"),
        (["1.2.0"], "sayna/__init__.py", '__version__ = "1.2.0.dev"\n', "another __version__ than 1.2.0"),
    ],
)
def test_release_refuses_what_is_not_ready(
    repository: Path, words: list[str], file: str, text: str, reason: str
) -> None:
    if file:
        change(repository, file, text)

    refused = release(repository, *words)

    assert refused.returncode == 1
    assert reason in refused.stderr
    assert git(repository, "tag") == ""


def test_release_refuses_changes_that_are_not_committed(repository: Path) -> None:
    (repository / "new.txt").write_text("new")

    assert "not committed" in release(repository, "1.2.0").stderr
    assert git(repository, "tag") == ""


def test_release_refuses_a_version_that_has_its_tag(repository: Path) -> None:
    assert release(repository, "1.2.0").returncode == 0
    assert "v1.2.0 exists already" in release(repository, "1.2.0").stderr
