"""deploy/Dockerfile and deploy/compose.yaml, judged and walked through without a container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from sayna.config import load_config, settings
from tests.e2e.program import Program, until
from tests.e2e.servers import ROOT, answers, free_port, started
from tests.e2e.wire import Address

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"


def instructions() -> list[tuple[str, str]]:
    """Return what the Dockerfile says, line by line, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.M).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line]


def said(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def services() -> dict[str, Any]:
    """Return the services; one that extends another has what that one has, and its own environment beside it."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    for name, service in found.items():
        if "extends" in service:
            base = found[service["extends"]["service"]]
            found[name] = {**base, **service, "environment": {**base["environment"], **service["environment"]}}
    return found


def test_hadolint_finds_nothing_wrong() -> None:
    program = Path(sys.executable).with_name("hadolint")
    judged = subprocess.run(
        [program, DOCKERFILE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert (judged.returncode, judged.stdout) == (0, "")


def test_compose_is_what_the_specification_allows() -> None:
    compose = PyCompose.from_yaml(COMPOSE.read_text("utf-8"))
    compose.validate()

    base, fleet = ["livekit", "nginx", "sayna"], ["nginx-fleet", "sayna-1", "sayna-2", "valkey"]
    assert sorted(compose.service_names()) == sorted(base + fleet)
    assert {services()[name]["profiles"][0] for name in fleet} == {"fleet"}
    with pytest.raises(ValueError, match="readonly"):
        PyCompose.from_yaml(COMPOSE.read_text("utf-8").replace("read_only:", "readonly:"))


def test_no_container_has_more_rights_than_it_needs() -> None:
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert "ports" not in services()["sayna"]
    assert "cap_add" not in services()["sayna"]
    assert services()["livekit"]["profiles"] == ["livekit"]


def test_nginx_and_sayna_mean_the_same_socket() -> None:
    sayna, nginx = services()["sayna"], services()["nginx"]
    upstream = re.search(r"server unix:(\S+);", (ROOT / "deploy" / "nginx.conf").read_text())

    assert upstream
    assert sayna["environment"]["BIND"] == f"unix:{upstream[1]}"
    assert "socket:/run/sayna" in sayna["volumes"]
    assert "socket:/run/sayna" in nginx["volumes"]
    assert (COMPOSE.parent / "nginx.conf").is_file()


def test_its_settings_exist_and_are_valid() -> None:
    known = {info.name for info in settings()}
    image = dict(pair.split("=", 1) for pair in shlex.split(said("ENV")[0]))
    mine = {name: value for name, value in image.items() if name not in ("PATH", "PYTHONDONTWRITEBYTECODE")}

    assert set(mine) | set(services()["sayna"]["environment"]) <= known
    assert load_config(mine | services()["sayna"]["environment"]).server.bind.startswith("unix:")
    assert int(services()["sayna"]["stop_grace_period"][:-1]) > load_config({}).server.graceful_timeout


def test_each_machine_of_the_fleet_has_its_own_cache_and_socket() -> None:
    machines = [services()[name] for name in ("sayna-1", "sayna-2")]
    secret = "s" * 32
    for machine in machines:
        environment = {**machine["environment"], "SAYNA_SECRET": secret}
        environment["REDIS_URL"] = environment["REDIS_URL"].replace("${REDIS_PASSWORD:-}", "canary")
        redis = load_config(environment).fleet.redis
        assert redis is not None
        assert (redis.nodes, redis.username) == ((("valkey", 6379),), "sayna")
    assert machines[0]["volumes"][0] != machines[1]["volumes"][0]
    upstream = (COMPOSE.parent / "nginx-fleet.sed").read_text()
    assert all(f"server {machine['environment']['BIND']} " in upstream for machine in machines)


def test_nobody_is_root_and_every_command_can_be_read() -> None:
    assert said("USER") == ["10001:10001"]
    for command in said("RUN"):
        subprocess.run(["/bin/sh", "-n", "-c", command], check=True, timeout=60)
    assert instructions()[-1][0] == "CMD"


def test_what_is_copied_is_not_ignored() -> None:
    kept = {line[1:] for line in Path(f"{DOCKERFILE}.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = {name for line in said("COPY") if "--from" not in line for name in line.split()[:-1]}

    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)


@contextmanager
def walked(folder: Path) -> Iterator[tuple[Program, Address, dict[str, str]]]:
    """Do by hand what the image does: copy what it copies, and start what it starts, with its settings."""
    image = folder / "image"
    image.mkdir()
    for line in said("COPY"):
        *names, target = line.split()
        for name in () if "--from" in line else names:
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, image / target, ignore=ignored)
            else:
                shutil.copy(source, image)
    address = Address(free_port())
    env = dict(pair.split("=", 1) for pair in shlex.split(said("ENV")[0])) | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CACHE_PATH": str(folder / "cache"),
        "TMPDIR": str(folder),
        "HOST": "127.0.0.1",
        "PORT": str(address.port),
    }
    argv = json.loads(said("CMD")[0])
    argv[0] = str(Path(sys.executable).with_name(argv[0]))
    program = Program(argv, cwd=image, env=env, log=folder / "log")
    with started(program, lambda: answers(address)):
        yield program, address, env


def test_the_image_speaks_writes_nothing_beside_its_folders_and_knows_its_health(tmp_path: Path) -> None:
    health = json.loads(said("HEALTHCHECK")[0].partition("CMD ")[2])
    health[0] = sys.executable
    image = tmp_path / "image"
    with walked(tmp_path) as (_, address, env):
        before = set(image.rglob("*"))
        assert address.speak("Hello from a container").status == 200
        assert address.ask("GET", "/studio").status == 200
        for page in ("/help", "/help/sip", "/help/readme", "/help/changelog", "/help/vulnerabilities", "/help?q=cache"):
            assert address.ask("GET", page).status == 200, page
        # It gives the server two seconds; Docker asks again, too.
        until(lambda: is_healthy(health, image, env), 60, "the container is healthy")
        assert set(image.rglob("*")) == before

    assert not is_healthy(health, image, env)


def is_healthy(command: list[str], image: Path, env: dict[str, str]) -> bool:
    """Return what the command of HEALTHCHECK says; fails when it ends with anything but 0 or 1."""
    status = subprocess.run(command, cwd=image, env=env, timeout=60, check=False).returncode
    assert status in (0, 1)
    return status == 0
