"""The pool belongs to all workers of one folder and ends with the last of them."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sayna.engines.pool import EnginePool
from sayna.errors import ProviderError, ProviderTimeout
from sayna.providers.espeak import Espeak, EspeakConfig
from tests.engines.processes import LONG, ends, processes
from tests.providers.espeak.listening import request, seconds

ROOT = Path(__file__).parents[2]


def test_the_pool_knows_nothing_of_our_environment(espeak: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "secret")
    seconds(espeak, "Hello")
    for pid in processes(espeak.pool):
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_the_folder_is_private_and_goes_with_the_pool(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    folder, program = espeak.pool._folder, processes(espeak.pool)[0]
    assert folder.stat().st_mode & 0o777 == 0o700
    espeak.close()
    espeak.close()

    assert ends(program)
    assert not folder.exists()
    assert seconds(espeak, "Hello") > 0.2


def test_a_folder_of_another_user_is_not_used(espeak: Espeak) -> None:
    espeak.pool._folder.mkdir(mode=0o777)
    espeak.pool._folder.chmod(0o777)
    with pytest.raises(ProviderError):
        seconds(espeak, "Hello")
    espeak.pool._folder.rmdir()


def test_a_pool_whose_folder_was_removed_leaves_the_next_alone(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    first = processes(espeak.pool)
    shutil.rmtree(espeak.pool._folder)

    seconds(espeak, "Hello")
    second = processes(espeak.pool)
    assert all(map(ends, first))
    seconds(espeak, "Hello")

    assert processes(espeak.pool) == second


def test_a_start_that_failed_once_is_tried_again(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    before, folder = processes(espeak.pool), espeak.pool._folder
    os.kill(before[0], signal.SIGKILL)
    # An engine that has not ended yet would take the request.
    assert all(map(ends, before))
    folder.chmod(0o777)
    with pytest.raises(ProviderError):
        seconds(espeak, "Hello")
    folder.chmod(0o700)

    # The descriptor of the pool is closed now, and this file may have its number.
    with (folder / "other").open("wb") as other:
        assert seconds(espeak, "Hello") > 0.2
        assert os.path.samestat(os.fstat(other.fileno()), (folder / "other").stat())
    (folder / "other").unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["start", "workers"])
def test_a_start_that_another_process_delays_ends_at_the_deadline(espeak: Espeak, name: str) -> None:
    espeak.pool._folder.mkdir(mode=0o700)
    with (espeak.pool._folder / name).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ProviderTimeout):
            espeak.synthesize(request("Hello", seconds=0.2))

    assert seconds(espeak, "Hello") > 0.2


def test_a_start_that_another_thread_delays_ends_at_the_deadline(espeak: Espeak) -> None:
    with espeak.pool._starting, pytest.raises(ProviderTimeout):
        espeak.synthesize(request("Hello", seconds=0.2))


def test_a_temporary_folder_with_a_long_path_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    espeak = Espeak(EspeakConfig(enabled=True))
    assert seconds(espeak, "Hello") > 0.2
    assert (espeak.pool._folder / "espeak").is_socket()
    espeak.close()


HEAD = """
import os, sys, threading
from pathlib import Path
from sayna.engines.pool import EnginePool
from tests.engines.processes import processes
from sayna.providers.espeak import Espeak, EspeakConfig
from tests.providers.espeak.listening import request, seconds
espeak = Espeak(EspeakConfig(enabled=True))
espeak.pool = EnginePool(Path(sys.argv[1]))
"""


def script(folder: Path, body: str) -> subprocess.Popen[str]:
    """Another Python that has `espeak` in the pool of a folder, with warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + body, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


SPEAK = "seconds(espeak, 'Hello')\nprint(*processes(espeak.pool), flush=True)\ninput()"


def pids_of(worker: subprocess.Popen[str]) -> list[int]:
    assert worker.stdout
    pids = [int(word) for word in worker.stdout.readline().split()]
    assert pids
    return pids


def test_workers_share_one_pool_that_ends_with_the_last_killed(tmp_path: Path) -> None:
    workers = [script(tmp_path, SPEAK) for _ in range(3)]
    first, *others = [pids_of(worker) for worker in workers]
    assert others == [first, first]
    for worker in workers[:2]:
        with worker:
            worker.kill()
    pool = EnginePool(tmp_path)
    assert processes(pool) == first

    with workers[2] as last:
        last.kill()

    assert all(map(ends, first))
    assert processes(pool) == []


def test_the_pool_goes_when_the_worker_is_killed_in_a_text(tmp_path: Path) -> None:
    worker = script(tmp_path, f"audio = espeak.synthesize(request({LONG!r}))\n" + SPEAK.partition("\n")[2])
    with worker:
        pids = pids_of(worker)
        worker.kill()
    assert all(map(ends, pids))


def test_a_worker_that_stops_takes_its_pool_along(tmp_path: Path) -> None:
    worker = script(tmp_path, "seconds(espeak, 'Hello')\nprint(*processes(espeak.pool))")
    out, err = worker.communicate(timeout=60)

    assert (worker.returncode, err) == (0, "")
    assert all(ends(int(pid)) for pid in out.split())


FORK = """
stream = espeak.synthesize(request("Hello there. " * 200))
before = processes(espeak.pool)
rendering = threading.Thread(target=lambda: print("thread", len(b"".join(stream.chunks)) > 60 * 44100))
rendering.start()
child = os.fork()
if child == 0:
    assert seconds(espeak, "Hello") > 0.2
    assert processes(espeak.pool) == before
    sys.exit(0)
print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
rendering.join()
assert seconds(espeak, "Hello") > 0.2
print("kept", processes(espeak.pool) == before)
"""


def test_a_forked_child_shares_the_pool(tmp_path: Path) -> None:
    out, err = script(tmp_path, FORK).communicate(timeout=60)

    assert err == ""
    assert sorted(out.splitlines()) == ["child 0", "kept True", "thread True"]


def test_a_forked_child_does_not_keep_the_pool_alive(tmp_path: Path) -> None:
    worker = script(
        tmp_path,
        "seconds(espeak, 'Hello')\nreading, writing = os.pipe()\n"
        "if os.fork() == 0:\n    os.close(writing)\n    os.read(reading, 1)\n    os._exit(0)\n"
        "print(*processes(espeak.pool), flush=True)\ninput()",
    )
    with worker:
        pids = pids_of(worker)
        worker.kill()
        assert all(map(ends, pids))


def test_a_text_that_comes_while_the_pool_ends_is_said(tmp_path: Path) -> None:
    espeak = Espeak(EspeakConfig(enabled=True))
    espeak.pool = EnginePool(tmp_path)
    seen = set()
    for _ in range(5):
        assert seconds(espeak, "Hello") > 0.2
        seen.add(processes(espeak.pool)[0])
        espeak.close()  # the pool may be ending while the next text comes
    assert all(map(ends, seen))
    assert not espeak.pool._folder.exists()
    assert not list(tmp_path.iterdir())
