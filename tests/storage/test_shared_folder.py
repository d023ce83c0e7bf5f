"""The folder of recordings as different users: Sayna, LiveKit's egress and nginx.

The modes are those of deploy/sayna.service and of docs/recordings.md. Each user is a forked process.
"""

import codecs
import json
import os
import pwd
import re
import shutil
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from livekit.protocol import egress

from app import create_app
from sayna.config import load_config
from tests.blueprints.conftest import MakeClient
from tests.e2e.servers import ROOT
from tests.recordings.twirp import Twirp
from tests.storage.places import LocalPlace

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can be several users; run this test as root or in a container"
)
SAYNA, EGRESS, SHARED = 10001, 1001, 10002
AUDIO = b"OggS" + bytes(range(256))
CALL = {"room_name": "open", "stream_id": "call"}


def run_as(user: int, groups: list[int], umask: int, work: Callable[[], object]) -> object:
    """Return what `work` returns in a process of this user, whose first group is its own; raises what it raises."""
    # The other user may not read this Python's library, so the codec of JSON bodies must be loaded before.
    codecs.lookup("utf-8-sig")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups[1:])
            os.setgid(groups[0])
            os.setuid(user)
            os.umask(umask)
            result = {"result": work()}
        except BaseException:  # noqa: BLE001 - the parent raises it
            result = {"error": traceback.format_exc()}
        os.write(writer, json.dumps(result).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = json.loads(pipe.read())
    os.waitpid(child, 0)
    if "error" in told:
        raise PermissionError(told["error"])
    return told["result"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Folders as the operator makes them; `group` is that of Sayna, the egress and nginx."""

    root: Path
    group: int

    @property
    def recordings(self) -> Path:
        """The folder of RECORDING_LOCAL_PATH."""
        return self.root / "state" / "recordings"

    def make(self, path: Path, mode: int) -> None:
        """Make a folder of Sayna and the group."""
        path.mkdir(exist_ok=True)
        os.chown(path, SAYNA, self.group)
        path.chmod(mode)

    def sayna(self, work: Callable[[], object], umask: int = 0o027) -> object:
        """Return what `work` returns as Sayna's user."""
        return run_as(SAYNA, [self.group], umask, work)

    def egress(self, path: str) -> object:
        """Write a recording as an egress of the group does, whose own group is root (its image)."""
        return run_as(EGRESS, [0, self.group], 0o022, lambda: Path(path).write_bytes(AUDIO))

    def nginx(self, path: str) -> bytes:
        """Read a recording as nginx does, whose user comes from deploy/nginx.conf."""
        [name] = re.findall(r"^user (\S+);", (ROOT / "deploy" / "nginx.conf").read_text(), re.MULTILINE)
        user = pwd.getpwnam(name)
        groups = [user.pw_gid, self.group]
        return bytes.fromhex(str(run_as(user.pw_uid, groups, 0o022, lambda: Path(path).read_bytes().hex())))


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine whose service has the group of the shipped unit."""
    # Outside the folder of pytest, which only its own user may enter.
    root = Path(tempfile.mkdtemp(prefix="sayna-users-"))
    root.chmod(0o755)
    machine = Machine(root, pwd.getpwnam("www-data").pw_gid)
    machine.make(root / "state", int(unit("StateDirectoryMode"), 8))
    yield machine
    shutil.rmtree(root)


@pytest.fixture
def livekit() -> Iterator[Twirp]:
    """A LiveKit with an open room."""
    twirp = Twirp()
    twirp.rooms = {"open": ""}
    with twirp.wire:
        yield twirp


def unit(name: str) -> str:
    """Return a value of the shipped unit."""
    return str(re.findall(rf"^{name}=(.*)$", (ROOT / "deploy" / "sayna.service").read_text(), re.MULTILINE)[-1])


def shipped_mode() -> int:
    """Return the mode that the shipped unit gives to the folder of recordings."""
    [mode] = re.findall(r"-m ([0-7]+) /var/lib/sayna/recordings$", unit("ExecStartPre"))
    return int(mode, 8)


def ask(settings: dict[str, str], method: str, path: str, **body: object) -> object:
    """Return status and body of one request to a new application."""
    app = create_app(load_config({"LOG_FORMAT": "json", "ESPEAK_ENABLED": "false", **settings}))
    try:
        answer = app.test_client().open(path, method=method, **body)  # type: ignore[arg-type]
        return [answer.status_code, answer.get_json(silent=True) or answer.data.hex()]
    finally:
        app.extensions["sayna"].close()


def settings(machine: Machine, livekit: Twirp) -> dict[str, str]:
    cache = {"CACHE_PATH": str(machine.root / "cache")}
    return {**cache, **livekit.settings, "RECORDING_LOCAL_PATH": str(machine.recordings)}


@as_root
@pytest.mark.parametrize("cache_mode", [0o700, 0o750, 0o2775])
@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022])
def test_shipped_modes_let_the_egress_write_and_nginx_read(
    machine: Machine, livekit: Twirp, cache_mode: int, umask: int
) -> None:
    machine.make(machine.root / "cache", cache_mode)
    machine.make(machine.recordings, shipped_mode())
    env = settings(machine, livekit)

    started = machine.sayna(lambda: ask(env, "POST", "/recording", json=CALL), umask)
    assert isinstance(started, list)
    assert started[0] == 201
    [file] = livekit.started[0].file_outputs
    machine.egress(file.filepath)
    assert machine.nginx(file.filepath) == AUDIO
    assert machine.sayna(lambda: ask(env, "GET", "/recording/call"), umask) == [200, AUDIO.hex()]
    livekit.recordings["EG_1"].status = egress.EGRESS_COMPLETE
    assert machine.sayna(lambda: ask(env, "DELETE", "/recording/call?purge=true"), umask) == [
        200,
        {"status": "purged", "stream_id": "call"},
    ]
    assert list(machine.recordings.iterdir()) == []


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_folder_that_is_closed_to_the_egress_is_refused_at_post(machine: Machine, livekit: Twirp, mode: int) -> None:
    machine.make(machine.root / "cache", 0o700)
    machine.make(machine.recordings, mode)
    refused = machine.sayna(lambda: ask(settings(machine, livekit), "POST", "/recording", json=CALL))
    assert isinstance(refused, list)
    assert (refused[0], refused[1]["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert "only the owner may" in refused[1]["error"]
    assert livekit.started == []


@as_root
@pytest.mark.parametrize("closed", ["folder", "file", "base"])
def test_recording_that_sayna_may_not_read_is_never_not_found(
    machine: Machine, livekit: Twirp, closed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.make(machine.root / "cache", 0o700)
    machine.make(machine.recordings, 0o2770)
    folder = machine.recordings / "call"
    folder.mkdir(mode=0o755)
    (folder / "audio.ogg").write_bytes(AUDIO)
    {"folder": folder, "file": folder / "audio.ogg", "base": machine.recordings}[closed].chmod(0o700)
    if closed == "base":
        os.chown(machine.recordings, EGRESS, 0)
    for path in ("/recording/call", "/recording")[: 2 if closed != "file" else 1]:
        refused = machine.sayna(lambda path=path: ask(settings(machine, livekit), "GET", path))  # type: ignore[misc]
        assert isinstance(refused, list)
        assert (refused[0], refused[1]["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert '"fault": "EACCES"' in capfd.readouterr().err


@as_root
def test_folder_of_a_recording_gets_the_group_of_the_base(machine: Machine, livekit: Twirp) -> None:
    machine.make(machine.root / "cache", 0o700)
    machine.make(machine.recordings, 0o770)
    os.chown(machine.recordings, SAYNA, SHARED)
    env = settings(machine, livekit)
    started = run_as(SAYNA, [machine.group, SHARED], 0o077, lambda: ask(env, "POST", "/recording", json=CALL))
    assert isinstance(started, list)
    assert started[0] == 201
    made = (machine.recordings / "call").stat()
    assert (made.st_gid, stat.S_IMODE(made.st_mode)) == (SHARED, 0o770)


@pytest.mark.parametrize("umask", [0o077, 0o022, 0])
@pytest.mark.parametrize("mode", [0o2770, 0o2775, 0o770, 0o1777])
def test_recording_folder_has_the_mode_of_the_base(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient, umask: int, mode: int
) -> None:
    (local.root / "calls").chmod(mode)
    before = os.umask(umask)
    try:
        client = make_client(**local.settings, **livekit.settings)
        assert client.post("/recording", json=CALL).status_code == 201
    finally:
        os.umask(before)
    assert stat.S_IMODE((local.root / "calls/call").stat().st_mode) == mode & 0o2777


def test_missing_folder_is_refused_at_post_with_its_reason(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make_client(**local.settings | {"RECORDING_PREFIX": "none"}, **livekit.settings)
    assert "RECORDING_LOCAL_PATH: the folder of recordings does not exist" in capfd.readouterr().err
    refused = client.post("/recording", json=CALL)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert refused.get_json()["error"] == "the folder of recordings does not exist; the operator must make it"
    assert livekit.started == []


def test_readiness_and_post_judge_the_folder_alike(local: LocalPlace, livekit: Twirp, make_client: MakeClient) -> None:
    client = make_client(**local.settings, **livekit.settings)
    assert client.get("/ready").get_json()["checks"]["recordings"] == "ok"
    (local.root / "calls").rename(local.root / "away")
    ready = client.get("/ready")
    assert (ready.status_code, ready.get_json()["checks"]["recordings"]) == (503, "failed")
    assert client.post("/recording", json=CALL).status_code == 503
    (local.root / "away").rename(local.root / "calls")
    assert client.get("/ready").status_code == 200
    assert client.post("/recording", json=CALL).status_code == 201
