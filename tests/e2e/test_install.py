"""scripts/install: what a person sees of it, and the .venv that it leaves."""

import os
import shutil
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.servers import ROOT, free_port

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without .venv that requires nothing."""
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "install", checkout / "scripts")
    (checkout / "requirements.txt").write_text("")
    return checkout


def install(checkout: Path, **env: str) -> subprocess.CompletedProcess[str]:
    argv = ["scripts/install", "requirements.txt"]
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), **env}
    return subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_venv_of_a_renamed_checkout_is_made_anew(checkout: Path) -> None:
    first = install(checkout)
    assert first.returncode == 0, first.stderr
    assert "Making .venv" in first.stderr
    assert "Installing requirements.txt" in first.stderr
    assert install(checkout).stderr == ""

    renamed = checkout.rename(checkout.with_name("renamed checkout"))
    again = install(renamed)

    assert again.returncode == 0, again.stderr
    assert "Making .venv" in again.stderr
    assert (
        str(renamed)
        in subprocess.run(
            [renamed / ".venv" / "bin" / "pip", "--version"], capture_output=True, text=True, check=True
        ).stdout
    )
    assert install(renamed).stderr == ""


def test_install_without_network_says_so_in_one_sentence(checkout: Path) -> None:
    assert install(checkout).returncode == 0
    (checkout / "requirements.txt").write_text("sayna-needs-this==1.0\n")

    failed = install(checkout, PIP_INDEX_URL=f"http://127.0.0.1:{free_port()}/simple", PIP_CONFIG_FILE=os.devnull)

    assert failed.returncode == 1
    told = [line for line in failed.stderr.splitlines() if not line.startswith(("Looking in", "Installing"))]
    assert told == ["No package server can be reached: check the network and run this again."]


@pytest.fixture
def wheels(checkout: Path) -> Path:
    """A folder of three wheels that hold nothing; the checkout requires them."""
    folder = checkout / "wheels"
    folder.mkdir()
    names = ["one", "two", "three"]
    for name in names:
        info = f"sayna_{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"sayna_{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: sayna-{name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    (checkout / "requirements.txt").write_text("".join(f"sayna-{name}==1.0\n" for name in names))
    return folder


def test_install_shows_its_progress_in_one_line(checkout: Path, wheels: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    ours, terminal = os.openpty()
    done = subprocess.run(
        ["scripts/install", "requirements.txt"], cwd=checkout, env=env, stderr=terminal, timeout=300, check=False
    )
    os.close(terminal)
    shown = b""
    # A terminal gives what was written in pieces, and an error at its end.
    with os.fdopen(ours, "rb", 0) as screen, suppress(OSError):
        while piece := screen.read(4096):
            shown += piece
    said = "3 packages are here and are unpacked now ..."
    assert (done.returncode, shown.endswith(f"\r\x1b[K  {said}\r\x1b[K".encode())) == (0, True), shown

    # A log has no line that changes.
    (checkout / ".venv" / "installed-requirements.txt").unlink()
    subprocess.run([".venv/bin/pip", "uninstall", "--yes", "sayna-one"], cwd=checkout, env=env, check=True)
    logged = install(checkout, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    assert (logged.returncode, logged.stdout) == (0, "")
    assert logged.stderr.splitlines() == [
        "Installing requirements.txt; this takes a minute or two ...",
        "  1 packages are here and are unpacked now ...",
    ]
