"""Which folders are private enough: one judgement for readiness and for every store."""

import os
import stat
from pathlib import Path

import pytest

from sayna.state.files import check_folder, is_readable_by_others, private_folder

FOREIGN = max({os.getegid(), *os.getgroups()}) + 1


def described(mode: int, uid: int | None = None, gid: int | None = None) -> os.stat_result:
    owner, group = os.geteuid() if uid is None else uid, os.getegid() if gid is None else gid
    return os.stat_result((mode, 1, 1, 1, owner, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "check"),
    [
        (0o700, None, None, "ok"),
        (0o755, None, None, "ok"),
        (0o755, None, FOREIGN, "ok"),
        (0o2775, None, None, "warn"),
        # An fsGroup volume of Kubernetes belongs to root.
        (0o2775, 0, None, "warn"),
        (0o2770, None, os.getgroups()[-1] if os.getgroups() else None, "warn"),
        (0o775, None, FOREIGN, "failed"),
        (0o777, None, None, "failed"),
        (0o1777, 0, None, "failed"),
        (0o2777, 0, None, "failed"),
        (0o700, 12345, None, "failed"),
        (0o2775, 12345, None, "failed"),
    ],
)
def test_folder_is_judged_by_its_owner_group_and_mode(mode: int, uid: int, gid: int, check: str) -> None:
    assert check_folder(described(stat.S_IFDIR | mode, uid, gid)) == check


def test_folder_of_own_group_is_used_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    assert private_folder(tmp_path / "below").stat().st_mode & 0o777 == 0o700
    assert private_folder(tmp_path) == tmp_path
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o2775


def test_folder_of_others_is_refused_with_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match=r"chmod 700"):
        private_folder(tmp_path)


@pytest.mark.parametrize(
    ("mode", "gid", "others"),
    [(0o600, None, False), (0o660, None, False), (0o660, FOREIGN, True), (0o604, None, True), (0o640, FOREIGN, True)],
)
def test_file_of_own_group_is_not_readable_by_others(mode: int, gid: int, others: bool) -> None:
    assert is_readable_by_others(described(stat.S_IFREG | mode, gid=gid)) is others
