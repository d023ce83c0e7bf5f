"""The secret of a server: one for all workers of a folder, and one for all machines with SAYNA_SECRET."""

import stat
from pathlib import Path

import pytest

from sayna.config import Secret
from sayna.state.secret import server_secret


def test_processes_with_one_folder_have_one_secret(tmp_path: Path) -> None:
    first, second, alone = server_secret(None, tmp_path), server_secret(None, tmp_path), server_secret(None, None)
    assert first == second != alone
    assert len(first) == len(alone) == 32


def test_machines_with_one_setting_have_one_secret(tmp_path: Path) -> None:
    shared = Secret("s" * 32)
    assert server_secret(shared, tmp_path / "a") == server_secret(shared, tmp_path / "b")
    assert server_secret(shared, None) != server_secret(Secret("t" * 32), None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["short", "long", "readable"])
def test_a_damaged_secret_is_made_anew(tmp_path: Path, damage: str) -> None:
    first = server_secret(None, tmp_path)
    file = tmp_path / "credential.key"
    if damage == "readable":
        file.chmod(0o644)
    else:
        file.write_bytes(b"x" * (31 if damage == "short" else 33))
    second = server_secret(None, tmp_path)
    assert second != first
    assert server_secret(None, tmp_path) == second
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_folder_that_others_may_write_keeps_no_secret(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert server_secret(None, tmp_path) != server_secret(None, tmp_path)
    assert not list(tmp_path.iterdir())
