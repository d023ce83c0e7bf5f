"""The commands of README and docs, run as they are written."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.servers import ROOT, Gunicorn, answers, free_port, started
from tests.e2e.wire import Address

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
MARK = "sh test"
CHECKOUT = ("app.py", "wsgi.py", "gunicorn.conf.py", "sayna", "scripts", "deploy", ".env.example")
# Shell that cannot run here: the page and how the block begins, then why.
SKIPPED = {
    ("README.md", "scripts/run"): "runs until it is stopped; tests/e2e/test_scripts.py starts it",
    ("docs/on-prem.md", "git clone https://git"): "fetches 65 MB from the internet; was run by hand",
    (
        "docs/on-prem.md",
        "mkdir -p /opt/sayna/releases",
    ): "installs into /opt; was run by hand, without a network (unshare -n)",
    (
        "docs/on-prem.md",
        "PORT=3001 scripts/sayna serve",
    ): "runs until it is stopped; test_scripts.py starts it",
    (
        "docs/on-prem.md",
        "useradd",
    ): "needs systemd and changes the machine; tests/e2e/test_unit.py judges the unit",
    ("docs/on-prem.md", "sed 's/speech"): "changes the machine's nginx; tests/e2e/test_nginx_site.py has a stand-in",
    ("docs/on-prem.md", "mkdir -p /etc/systemd"): "changes the machine's nginx; test_nginx.py starts the file so",
    ("docs/on-prem.md", "install -m 0755 /dev/stdin"): "needs a service; tests/cli/test_command.py runs the same",
    (
        "docs/on-prem.md",
        "docker build",
    ): "needs a container engine; tests/e2e/test_container.py walks through it",
    (
        "docs/on-prem.md",
        "install -m 0644 company-ca.pem",
    ): "needs systemd; tests/blueprints/test_private_authority.py has an authority",
    ("docs/on-prem.md", "sayna backup"): "needs a service; tests/cli/test_backup.py runs all three",
    ("docs/on-prem.md", "tar -C /opt/sayna/releases"): "needs systemd; tests/e2e/test_upgrade.py does it",
    (
        "docs/on-prem.md",
        "install -m 0400",
    ): "needs systemd; tests/e2e/test_signals.py reloads keys from files",
    ("docs/clients.md", "python -m wyoming_openai"): "runs until it is stopped; tests/e2e/test_clients.py starts it",
    ("docs/sip.md", "curl http://localhost:3001/sip/call/"): "needs a call; tests/blueprints/test_sip_calls.py has one",
    ("docs/livekit.md", "LIVEKIT_URL="): "settings, not commands",
    ("docs/metrics.md", "METRICS_ENABLED="): "settings, not commands",
    ("docs/usage.md", "VENDOR_CONCURRENCY="): "settings, not commands",
    ("docs/usage.md", "TENANT_CHARACTERS_PER_MONTH="): "settings, not commands",
    ("docs/voices.md", "curl -s localhost:3001/speak"): "needs VOICES_PATH; tests/blueprints/test_own_voices.py has it",
    ("docs/usage.md", "curl"): "needs a tenant; tests/blueprints/test_usage.py asks for it",
    ("docs/usage.md", "scripts/sayna usage"): "needs usage; tests/blueprints/test_usage.py has some",
    ("docs/performance.md", "scripts/bench"): "takes minutes, and says something only on a quiet machine",
    ("docs/sip.md", "SIP_OUTBOUND_ADDRESS="): "settings, not commands",
    (
        "docs/sip.md",
        "curl -X POST http://localhost:3001/sip/call",
    ): "dials; tests/blueprints/test_sip_call.py does",
    (
        "docs/sip.md",
        "curl -X POST http://localhost:3001/sip/transfer",
    ): "needs a call; test_sip_transfer.py has one",
    (
        "docs/sip.md",
        "curl -X POST http://localhost:3001/sip/hooks",
    ): "looks up a name; test_sip_hooks.py does all three",
    (
        "docs/sip.md",
        "scripts/sayna sip provision",
    ): "needs LiveKit; tests/sip/test_provisioning.py runs both",
}


def blocks(page: Path) -> list[tuple[str, str]]:
    return FENCE.findall(page.read_text("utf-8"))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    address = Address(free_port())
    env = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "16"}
    gunicorn = Gunicorn(tmp_path_factory.mktemp("docs"), address, env)
    with started(gunicorn, lambda: answers(address)):
        yield gunicorn


def run(page: Path, folder: Path, gunicorn: Gunicorn) -> str:
    """Run the marked blocks of a page in one shell, in what looks like a checkout; return what they print."""
    for entry in CHECKOUT:
        (folder / entry).symlink_to(ROOT / entry)
    (folder / ".venv").symlink_to(sys.prefix)
    script = "\n".join(text for kind, text in blocks(page) if kind == MARK)
    script = script.replace("localhost:3001", f"127.0.0.1:{gunicorn.address.port}")
    script = script.replace("/var/cache/sayna", str(gunicorn.cache))
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if any(kind == MARK for kind, _ in blocks(page))], ids=name)
def test_the_commands_of_a_page_run_as_written(page: Path, tmp_path: Path, running: Gunicorn) -> None:
    said = run(page, tmp_path, running)

    for path in (*tmp_path.glob("*.wav"), *tmp_path.glob("*.?law")):
        assert abs(heard(path)[0]).max() > 0.1, path
    assert '"code":"INTERNAL_ERROR"' not in said


def heard(path: Path) -> tuple[np.ndarray, int]:
    subtype = {".ulaw": "ULAW", ".alaw": "ALAW", ".wav": None}[path.suffix]
    raw = {"format": "RAW", "subtype": subtype, "samplerate": 8000, "channels": 1} if subtype else {}
    samples, rate = soundfile.read(path, **raw)
    return samples, rate


def test_prompts_for_telephones_are_what_telephones_take(tmp_path: Path, running: Gunicorn) -> None:
    said = run(ROOT / "docs" / "telephony.md", tmp_path, running)

    info = soundfile.info(tmp_path / "welcome.wav")
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_16", 8000, 1)
    seconds = {path.suffix: len(heard(path)[0]) / 8000 for path in tmp_path.glob("welcome.*law")}
    wide = (tmp_path / "welcome.sln16").stat().st_size / 2 / 16000
    assert all(1 < each < 6 and abs(each - info.duration) < 0.2 for each in (*seconds.values(), wide)), seconds
    assert len(list(tmp_path.glob("*.ulaw"))) == 3
    told = re.search(r"^first byte after (\d+\.\d+) s, last after (\d+\.\d+) s$", said, re.M)
    assert told is not None, said
    assert float(told[1]) <= float(told[2])


def test_shell_that_is_not_run_says_why() -> None:
    silent = [
        (name(page), text.splitlines()[0])
        for page in PAGES
        for kind, text in blocks(page)
        if kind == "sh" and not any(name(page) == where and text.startswith(begin) for where, begin in SKIPPED)
    ]
    assert silent == [], "mark it as ```sh test, or say in SKIPPED why it cannot run here"


def test_no_reason_outlives_its_block() -> None:
    stale = [
        (where, begin)
        for where, begin in SKIPPED
        if not any(text.startswith(begin) for kind, text in blocks(ROOT / where) if kind == "sh")
    ]
    assert stale == []


def test_the_agi_script_says_what_asterisk_then_plays(tmp_path: Path, running: Gunicorn) -> None:
    [script] = [text for kind, text in blocks(ROOT / "docs" / "telephony.md") if kind == "python"]
    script = script.replace("localhost:3001", f"127.0.0.1:{running.address.port}")
    script = script.replace("/var/lib/asterisk/sounds/custom", str(tmp_path))

    ran = subprocess.run(
        [sys.executable, "-c", script, "You are caller 3"],
        input="agi_channel: x\n\n200 result=0\n",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    [clip] = tmp_path.glob("*.ulaw")
    assert ran.stdout == f'STREAM FILE custom/{clip.stem} ""\n'
    assert abs(heard(clip)[0]).max() > 0.1


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), (name(page), link)
