"""deploy/sayna.service, and what it takes for granted."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sayna.config import load_config, settings
from tests.e2e.conftest import StartServer
from tests.e2e.servers import ROOT
from tests.e2e.wire import Address
from tests.programs import needs

UNIT = ROOT / "deploy" / "sayna.service"


def service() -> dict[str, list[str]]:
    """Return the settings of [Service]; a name may be given more than once."""
    found: dict[str, list[str]] = {}
    section = UNIT.read_text("utf-8").partition("[Service]\n")[2].partition("\n[Install]")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "User": "sayna",
        "UMask": "0027",
        "RestartPreventExitStatus": "78",
        "StateDirectoryMode": "0750",
        "CacheDirectoryMode": "0700",
        "NoNewPrivileges": "true",
        "CapabilityBoundingSet": "",
        "ProtectSystem": "strict",
        "ProtectHome": "true",
        "PrivateTmp": "true",
        "PrivateDevices": "true",
        "StateDirectory": "sayna",
        "CacheDirectory": "sayna",
        "RuntimeDirectory": "sayna",
        "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
        "SystemCallFilter": "@system-service",
        "KillMode": "mixed",
        "ExecReload": "/bin/kill -HUP $MAINPID",
        "EnvironmentFile": "-/etc/sayna/sayna.env",
    }.items(),
)
def test_the_service_is_shut_in(name: str, value: str) -> None:
    assert service()[name] == [value]


def test_the_settings_of_the_unit_exist_and_are_valid() -> None:
    given = dict(line.split("=", 1) for line in service()["Environment"])
    ours = {name: value for name, value in given.items() if name != "PYTHONDONTWRITEBYTECODE"}

    assert set(ours) <= {info.name for info in settings()}
    assert load_config(ours).server.bind == "unix:/run/sayna/sayna.sock"


def test_requests_may_finish_before_systemd_kills() -> None:
    # A stop right after a reload begins when the old workers have ended.
    assert int(service()["TimeoutStopSec"][0]) > 2 * load_config({}).server.graceful_timeout


@pytest.mark.parametrize("setting", ["MAX_BODY_BYTES", "AUTH_REQUIRED"])
@pytest.mark.parametrize(
    "command",
    [["gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "wsgi:app"], ["wsgi"], ["sayna", "serve"]],
)
def test_a_mistake_in_the_settings_ends_with_78(tmp_path: Path, command: list[str], setting: str) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), setting: "a-lot"}
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90, check=False
    )

    assert ran.returncode == os.EX_CONFIG
    assert setting in ran.stderr
    assert "Traceback" not in ran.stderr


def test_nginx_and_the_service_mean_the_same_socket() -> None:
    upstream = re.search(r"server unix:(\S+);", (ROOT / "deploy" / "nginx.conf").read_text())

    assert upstream
    assert f"BIND=unix:{upstream[1]}" in service()["Environment"]


def test_the_folder_alone_decides_who_reaches_the_socket(tmp_path: Path, server: StartServer) -> None:
    path = tmp_path / "sayna.sock"
    server(at=Address(path=path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o777
    assert (service()["Group"], service()["RuntimeDirectoryMode"]) == (["www-data"], ["0750"])


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze", "apt-get install systemd")
    command = tmp_path / "scripts" / "sayna"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = tmp_path / "sayna.service"
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/sayna/current", str(tmp_path)))

    # Tenths: 10 is no protection, and what needs the network cannot have less than 1.
    for check in (["verify"], ["security", "--offline=true", "--threshold=16", "--no-pager"]):
        ran = subprocess.run([analyze, *check, str(unit)], capture_output=True, text=True, timeout=60, check=False)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
