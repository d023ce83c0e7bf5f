"""The shipped unit and the shipped nginx.conf as two users: nginx sends what the user of Sayna may read."""

import json
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.program import until
from tests.e2e.servers import ROOT, Gunicorn, Nginx, answers, rendered, started
from tests.e2e.test_unit import service
from tests.e2e.wire import Address

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start Sayna and nginx as two users"),
]
SAYNA, EGRESS = 10001, 1001
AUDIO = b"OggS" + bytes(range(256)) * 40


@dataclass(frozen=True, slots=True)
class Pair:
    """Sayna as one user and nginx as www-data, with the folders that the unit makes."""

    recordings: Path
    nginx: Nginx

    def record(self, stream_id: str, *, owner: int, mode: int) -> None:
        """Write a recording as the egress does, or as another user with another mode."""
        folder = self.recordings / stream_id
        folder.mkdir()
        folder.chmod(0o755)
        (folder / "audio.ogg").write_bytes(AUDIO)
        (folder / "audio.ogg").chmod(mode)
        os.chown(folder, owner, 0)
        os.chown(folder / "audio.ogg", owner, 0)


def made_by_systemd(path: Path, mode: str) -> Path:
    """Make a folder with the owner and group that systemd gives to those of the unit."""
    path.mkdir()
    path.chmod(int(mode, 8))
    os.chown(path, SAYNA, pwd.getpwnam("www-data").pw_gid)
    return path


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    # Not below pytest's own folder, which only its user may enter.
    root = Path(tempfile.mkdtemp(prefix="sayna-two-users-"))
    root.chmod(0o755)
    [runtime_mode], [state_mode] = service()["RuntimeDirectoryMode"], service()["StateDirectoryMode"]
    [command] = service()["ExecStartPre"]
    recordings_mode = command.split("-m ")[1].split()[0]
    recordings = made_by_systemd(made_by_systemd(root / "state", state_mode) / "recordings", recordings_mode)
    address = Address(path=made_by_systemd(root / "run", runtime_mode) / "sayna.sock")
    made_by_systemd(root / "cache", "0700")

    def for_www_data(folder: Path, upstream: Path, port: int) -> Path:
        path = rendered(folder, upstream, port)
        text = path.read_text("utf-8").replace("user root;", "user www-data;")
        path.write_text(text.replace(f"{folder}/recordings/", f"{recordings}/"), "utf-8")
        return path

    env = {
        "CACHE_PATH": str(root / "cache"),
        "RECORDING_LOCAL_PATH": str(recordings),
        "RECORDING_ACCEL_PREFIX": "/_recordings",
        "PYTHONPATH": f"{root / 'server'}:{ROOT}",
        "GUNICORN_CMD_ARGS": f"--user {SAYNA} --group www-data",
    }
    try:
        for name in ("server", "nginx"):
            (root / name).mkdir()
        # The interpreter may lie where only root may go, so what workers import later is loaded before the fork.
        (root / "server" / "sitecustomize.py").write_text(
            "import encodings.idna, sys\n"
            "if 'gunicorn' in sys.orig_argv:\n"
            "    from sayna.server.warmup import load_modules\n"
            "    load_modules()\n"
        )
        gunicorn = Gunicorn(root / "server", address, env)
        with started(gunicorn, lambda: answers(address) and address.ask("GET", "/").status == 200):
            front = Nginx(root / "nginx", address.path or root, for_www_data)
            with started(front, lambda: answers(front.address)):
                yield Pair(recordings, front)
    finally:
        shutil.rmtree(root)


def test_nginx_sends_what_the_egress_has_written(pair: Pair) -> None:
    pair.record("call", owner=EGRESS, mode=0o644)
    answer = pair.nginx.address.ask("GET", "/recording/call", Range="bytes=0-3")

    assert (answer.status, answer.body) == (206, b"OggS")
    assert pair.nginx.address.ask("GET", "/recording/call").body == AUDIO


def test_a_recording_that_nginx_may_not_read_is_a_fault_that_the_log_tells(pair: Pair) -> None:
    pair.record("closed", owner=SAYNA, mode=0o600)
    answer = pair.nginx.address.ask("GET", "/recording/closed?api_key=canary", X_Request_ID="unreadable")

    assert (answer.status, answer.json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert answer.headers["content-type"] == "application/json"

    def lines() -> list[str]:
        # Without the last one, of which a part may be missing.
        written = pair.nginx.access_log.read_text().split("\n")[:-1]
        return [line for line in written if "nginx may not read" in line]

    until(lines, 30, "the log tells of it")
    [line] = lines()
    assert json.loads(line)["request_id"] == "unreadable"
    assert "canary" not in pair.nginx.access_log.read_text() + pair.nginx.error_log.read_text()


def test_a_recording_that_is_not_there_is_not_found(pair: Pair) -> None:
    answer = pair.nginx.address.ask("GET", "/recording/none")

    assert (answer.status, answer.json()["code"]) == (404, "RECORDING_NOT_FOUND")
