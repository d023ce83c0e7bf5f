"""Releases beside each other: from version 0.1.0 to this one and back, with the data kept."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.program import Program
from tests.e2e.servers import ROOT, answers, free_port, started
from tests.e2e.wire import Address
from tests.programs import needs

HOOK = {"host": "sip.example.com", "url": "https://hooks.invalid/x"}
FILES = ("app.py", "wsgi.py", "gunicorn.conf.py", "requirements.txt", "scripts", "sayna", "deploy")


class Machine:
    """/opt/sayna, the folder of the cache, and a systemctl that writes down what it is asked."""

    def __init__(self, root: Path) -> None:
        self.home = root / "sayna"
        self.cache = root / "cache"
        self.cache.mkdir(mode=0o700)
        (self.home / "releases").mkdir(parents=True)
        (root / "bin").mkdir()
        self.asked = root / "asked"
        systemctl = root / "bin" / "systemctl"
        systemctl.write_text(f'#!/bin/sh\necho "$@" >>{self.asked}\n')
        systemctl.chmod(0o755)
        self.log = root / "log"
        self.address = Address(free_port())
        self.env = {
            "PATH": f"{root}/bin:{os.environ['PATH']}",
            "BIND": f"127.0.0.1:{self.address.port}",
            "CACHE_PATH": str(self.cache),
            "WEB_CONCURRENCY": "1",
            "TMPDIR": str(root),
        }

    def release(self, version: str) -> Path:
        folder = self.home / "releases" / version
        folder.mkdir()
        (folder / ".venv").symlink_to(sys.prefix)
        return folder

    def switch(self, release: str, version: str, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [str(self.home / "releases" / release / "scripts" / "switch"), version]
        return subprocess.run(argv, env={**self.env, **env}, capture_output=True, text=True, timeout=90, check=False)

    @contextmanager
    def running(self) -> Iterator[Address]:
        """What ExecStart of the unit starts, in its WorkingDirectory."""
        current = self.home / "current"
        program = Program([str(current / "scripts" / "sayna"), "serve"], cwd=current, env=self.env, log=self.log)
        with started(program, lambda: answers(self.address)):
            yield self.address


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with the last commit of version 0.1.0, and with this checkout."""
    machine = Machine(tmp_path)
    git = [needs("git", "apt-get install git"), "-C", str(ROOT), "-c", "safe.directory=*"]
    search = ["log", "--format=%H", "--reverse", '-S__version__ = "0.2.0"', "--", "sayna/__init__.py"]
    found = subprocess.run([*git, *search], capture_output=True, text=True, check=False).stdout.split()
    if not found:
        pytest.skip("no git history here: clone the repository to upgrade from 0.1.0")
    old = machine.release("0.1.0")
    packed = subprocess.run([*git, "archive", f"{found[0]}^"], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(old)], input=packed, check=True)
    new = machine.release("head")
    for name in FILES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, new / name)
    return machine


def speak(address: Address) -> str:
    answer = address.speak("Kept over releases", accept="audio/wav")
    assert answer.status == 200
    return answer.headers["x-cache"]


def hooks(address: Address) -> list[str]:
    return [hook["host"] for hook in json.loads(address.ask("GET", "/sip/hooks").body)["hooks"]]


def test_upgrade_from_0_1_0_and_back_keeps_the_data(machine: Machine) -> None:
    assert machine.switch("head", "0.1.0").returncode == 0
    with machine.running() as address:
        assert address.ask("POST", "/sip/hooks", {"hooks": [HOOK]}).status == 200
        assert [speak(address), speak(address)] == ["MISS", "HIT"]
    key = (machine.cache / "credential.key").read_bytes()

    switched = machine.switch("head", "head")
    assert (switched.returncode, "Sayna head is the current release." in switched.stdout) == (0, True), switched.stderr
    with machine.running() as address:
        assert json.loads(address.ask("GET", "/ready").body)["status"] == "ready"
        assert hooks(address) == [HOOK["host"]]
        assert speak(address) in ("MISS", "HIT")
        assert speak(address) == "HIT"
    assert (machine.cache / "credential.key").read_bytes() == key

    assert machine.switch("head", "0.1.0").returncode == 0
    with machine.running() as address:
        assert hooks(address) == [HOOK["host"]]
        assert speak(address) == "HIT"
    assert machine.asked.read_text().splitlines() == ["restart sayna"] * 3


@pytest.mark.parametrize(
    ("version", "env", "sentence"),
    [
        ("0.9.0", {}, "is not installed"),
        ("head", {"PORT": "high"}, "the settings do not suit head, so nothing was changed"),
    ],
)
def test_release_that_cannot_start_is_refused(
    machine: Machine, version: str, env: dict[str, str], sentence: str
) -> None:
    assert machine.switch("head", "0.1.0").returncode == 0

    refused = machine.switch("head", version, **env)

    assert (refused.returncode, sentence in refused.stderr) == (1, True), refused.stderr
    assert (machine.home / "current").readlink() == Path("releases/0.1.0")
    assert machine.asked.read_text().splitlines() == ["restart sayna"]
