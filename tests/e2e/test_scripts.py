"""scripts/run as somebody uses it who has just cloned the repository."""

import io
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from tests.e2e.program import Program, running, until
from tests.e2e.servers import ROOT, answers, free_port
from tests.e2e.wire import Address
from tests.programs import needs


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what `scripts/run` needs, whose .venv has everything that is required already."""
    checkout = tmp_path / "checkout"
    for name in ("sayna", "scripts"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "wsgi.py", "gunicorn.conf.py", "requirements.txt", "requirements-neural.txt"):
        shutil.copy(ROOT / name, checkout)
    venv = checkout / ".venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    everything = "".join(file.read_text() for file in sorted(checkout.glob("requirements*.txt")))
    for name in ("requirements.txt", "requirements-neural.txt"):
        (venv / f"installed-{name}").write_text(everything)
    return checkout


def test_run_speaks_with_the_natural_voice(checkout: Path, natural_voice: None) -> None:
    the_printed_command_saves_speech(checkout, ["scripts/run"], "hibari")


def test_run_lean_speaks_with_espeak(checkout: Path) -> None:
    the_printed_command_saves_speech(checkout, ["scripts/run", "--lean"], "espeak")


def the_printed_command_saves_speech(checkout: Path, argv: list[str], provider: str) -> None:
    """Start it, run what it prints, and end it with Ctrl-C."""
    needs("curl", "apt-get install curl")
    address = Address(free_port())
    env = {
        "PATH": os.environ["PATH"],
        "PORT": str(address.port),
        "HOST": "127.0.0.1",
        "TMPDIR": str(checkout),
    }
    with Program(argv, cwd=checkout, env=env, log=checkout / "run.log") as program:
        until(lambda: program.exited() or "Ctrl-C" in program.log, 90, "it says that it listens")
        assert answers(address)
        for line in (f"http://127.0.0.1:{address.port}/studio", f"providers  {provider}", "auth       off"):
            assert line in program.log
        # A busy machine may load a voice for longer than the 10 s after which espeak speaks instead.
        until(
            lambda: address.speak("Hello", provider=provider, request_timeout=20).status == 200,
            90,
            "the voice is there",
        )
        command = next(line for line in program.log.splitlines() if line.startswith("  curl "))
        subprocess.run(shlex.split(command), cwd=checkout, check=True, timeout=90)
        again = [address.speak("Hello from Sayna", accept="audio/wav") for _ in range(12)]
        stats = subprocess.run(
            [".venv/bin/flask", "--app", "wsgi", "cache", "stats"],
            cwd=checkout, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=90, check=True,
        )  # fmt: skip
        family = program.family()
        program.signal(signal.SIGINT)

        assert program.wait() == 0
        until(lambda: not running(family), 30, "nothing of it runs")
        assert "Traceback" not in program.log
    assert json.loads(stats.stdout)["providers"] == {provider: 2}
    # Four workers answer, and each new connection may come to another one.
    assert {answer.headers["x-cache"] for answer in again} == {"HIT"}
    with wave.open(io.BytesIO((checkout / "hello.wav").read_bytes())) as clip:
        assert clip.getnframes() / clip.getframerate() > 0.5


def test_run_keeps_its_cache_where_the_settings_say(checkout: Path) -> None:
    elsewhere = checkout / "elsewhere"
    (checkout / ".env").write_text(f"CACHE_PATH={elsewhere}\n")
    address = Address(free_port())
    env = {"PATH": os.environ["PATH"], "BIND": f"127.0.0.1:{address.port}", "TMPDIR": str(checkout)}
    with Program(["scripts/run"], cwd=checkout, env=env, log=checkout / "run.log") as program:
        until(lambda: program.exited() or answers(address), 90, "it listens")
        assert address.speak("Hello").status == 200

    assert (elsewhere / "audio").is_dir()
    assert not (checkout / "var").exists()


def test_run_tells_every_problem_of_the_settings_and_does_not_start(checkout: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PORT": "high", "WEB_THREADS": "none"}

    ran = subprocess.run(
        ["scripts/run"], cwd=checkout, env=env, capture_output=True, text=True, timeout=90, check=False
    )

    assert ran.returncode == os.EX_CONFIG
    assert "PORT" in ran.stderr
    assert "WEB_THREADS" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "listens" not in ran.stdout


def test_run_on_a_taken_port_says_so_and_shows_no_command(checkout: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        env = {"PATH": os.environ["PATH"], "BIND": f"127.0.0.1:{other.getsockname()[1]}"}
        ran = subprocess.run(
            ["scripts/run"], cwd=checkout, env=env, capture_output=True, text=True, timeout=90, check=False
        )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"Error: {env['BIND']} cannot be used: Address already in use. Set PORT, HOST or BIND.\n"


def test_run_warns_when_anybody_could_use_the_keys(checkout: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "BIND": f"0.0.0.0:{free_port()}",
        "OPENAI_API_KEY": "key",
        "TMPDIR": str(checkout),
        "WEB_CONCURRENCY": "1",
    }
    with Program(["scripts/run"], cwd=checkout, env=env, log=checkout / "run.log") as program:
        until(lambda: program.exited() or "Ctrl-C" in program.log, 90, "it says that it listens")
        assert "can use your key of openai" in program.log


def with_pythons(folder: Path, **pythons: str) -> dict[str, str]:
    """Return an environment in which there are only these Pythons, each a line of shell."""
    folder.mkdir()
    for name in ("sh", "dirname", "cat", "cmp"):
        (folder / name).symlink_to(needs(name, "apt-get install coreutils diffutils"))
    for name, line in pythons.items():
        (folder / name.replace("_", ".")).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name.replace("_", ".")).chmod(0o755)
    return {"PATH": str(folder)}


TOO_OLD = "exit 1"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; esac'


@pytest.mark.parametrize(
    ("pythons", "sentence"),
    [
        ({}, "Sayna needs Python 3.11 or newer, and there is none in PATH."),
        ({"python3": TOO_OLD}, "Sayna needs Python 3.11 or newer, and there is none in PATH."),
        ({"python3": TOO_OLD, "python3_12": WITHOUT_VENV}, "python3.12 cannot make virtual environments"),
        ({"python3": WITHOUT_VENV}, "apt-get install python3-venv"),
    ],
)
def test_a_machine_without_a_suitable_python_is_told_what_to_install(
    tmp_path: Path, checkout: Path, pythons: dict[str, str], sentence: str
) -> None:
    shutil.rmtree(checkout / ".venv")
    env = with_pythons(tmp_path / "bin", **pythons)

    ran = subprocess.run(
        ["scripts/run"], cwd=checkout, env=env, capture_output=True, text=True, timeout=90, check=False
    )

    assert ran.returncode == 1
    assert sentence in ran.stderr
    assert not (checkout / ".venv").exists()


def test_install_goes_on_without_a_voice_that_has_no_package(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    bin_folder = checkout / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    # pip as it ends where onnxruntime has no wheel; it keeps a list of what it was asked for.
    python = bin_folder / "python"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
*pip?install*) for last; do :; done; echo "$last" >>{checkout}/asked
    [ "$last" = requirements.txt ] || {{ echo "ERROR: No matching distribution found for onnxruntime" >&2; exit 1; }} ;;
*) exec {sys.executable} "$@" ;;
esac
"""
    )
    python.chmod(0o755)
    (bin_folder / "pip").write_text(f"#!{python}\n")
    command = ["scripts/install", "requirements-neural.txt"]
    ran = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=90, check=True)
    again = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=90, check=True)

    assert "so espeak speaks instead." in ran.stderr
    assert "ERROR" not in ran.stderr
    assert (checkout / "asked").read_text().split() == ["requirements-neural.txt", "requirements.txt"]
    assert again.stderr == ""
