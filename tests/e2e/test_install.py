"""scripts/install: what a person sees of it, and the .venv that it leaves."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.servers import ROOT, free_port


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
    return subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, timeout=60, check=False)


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
