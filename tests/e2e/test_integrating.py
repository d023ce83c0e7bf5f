"""The programs of docs/integrating.md, run as they are written against a real server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile

from tests.e2e.servers import ROOT, Gunicorn, answers, free_port, started
from tests.e2e.test_docs import blocks
from tests.e2e.wire import Address
from tests.programs import needs

PAGE = ROOT / "docs" / "integrating.md"
SECRET = "a-secret-of-the-tests"
pytestmark = pytest.mark.timeout(900)  # compilers are slow on a busy machine
HARD_TEXT = 'Grüße: "zwei" \\ drei\n& <vier>'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": SECRET, "ESPEAK_ENABLED": "true"}
    port = free_port()
    address = Address(port=port)
    server = started(Gunicorn(tmp_path_factory.mktemp("integrating"), address, settings), lambda: answers(address))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def bash(file: Path) -> list[str]:
    needs("jq", "apt-get install jq")
    return [needs("bash", "apt-get install bash"), str(file)]


def mono(file: Path) -> list[str]:
    compiler = needs("mcs", "apt-get install mono-mcs libmono-system-net-http4.0-cil libmono-system-web4.0-cil")
    program = file.with_suffix(".exe")
    references = ["-r:System.Net.Http.dll", "-r:System.Web.dll"]
    subprocess.run([compiler, *references, f"-out:{program}", str(file)], check=True, timeout=300)
    return [needs("mono", "apt-get install mono-runtime"), str(program)]


PROGRAMS: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "bash": ("speak.sh", bash),
    "python": ("speak.py", lambda file: [sys.executable, str(file)]),
    "js": ("speak.mjs", lambda file: [needs("node", "apt-get install nodejs"), str(file)]),
    "php": ("speak.php", lambda file: [needs("php", "apt-get install php-cli"), str(file)]),
    "java": ("Speak.java", lambda file: [needs("java", "apt-get install default-jdk-headless"), str(file)]),
    "csharp": ("Speak.cs", mono),
}


def test_every_program_of_the_page_is_run() -> None:
    kinds = {kind for kind, _ in blocks(PAGE)}
    assert kinds == {*PROGRAMS, "sh test", "vb"}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_program_writes_speech_and_prints_errors(server: str, tmp_path: Path, kind: str) -> None:
    name, prepare = PROGRAMS[kind]
    file = tmp_path / name
    file.write_text(next(text for found, text in blocks(PAGE) if found == kind), "utf-8")
    command = prepare(file)

    def run(text: str, key: str) -> subprocess.CompletedProcess[bytes]:
        environ = {"PATH": os.environ["PATH"], "SAYNA_URL": server, "SAYNA_KEY": key, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*command, text], cwd=tmp_path, env=environ, capture_output=True, timeout=300, check=False
        )

    spoken = run(HARD_TEXT, SECRET)
    assert (spoken.returncode, spoken.stderr) == (0, b"")
    samples, rate = soundfile.read(tmp_path / "hello.wav")
    assert rate == 24000
    assert len(samples) > rate
    assert abs(samples).max() > 0.05

    (tmp_path / "hello.wav").unlink()
    refused = run("Hello", "wrong")
    assert refused.returncode == 1
    assert b"request" in refused.stderr
    assert not (tmp_path / "hello.wav").exists()
