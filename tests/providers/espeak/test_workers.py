import os
import subprocess
import sys
from pathlib import Path

import pytest

from sayna.providers.espeak import Espeak, EspeakConfig, supervisor
from tests.providers.espeak.listening import seconds
from tests.providers.espeak.processes import LONG, ends, helper_pid

ROOT = Path(__file__).parents[3]


def test_the_helper_knows_nothing_of_our_environment(espeak: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "secret")
    seconds(espeak, "Hello")
    assert Path(f"/proc/{helper_pid(espeak)}/environ").read_bytes() == b""


def test_closing_ends_the_helper_and_the_next_text_starts_another(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    first = helper_pid(espeak)
    espeak.close()
    espeak.close()

    assert ends(first)
    assert seconds(espeak, "Hello") > 0.2


HEAD = """
import os, sys, threading
from sayna.providers.espeak import Espeak, EspeakConfig, supervisor
from tests.providers.espeak.listening import request, seconds
espeak = Espeak(EspeakConfig(enabled=True))
"""


def script(body: str) -> subprocess.Popen[str]:
    """Another Python that has `espeak`, with warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + body],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_helper_goes_when_the_worker_is_killed_in_the_middle_of_a_text() -> None:
    worker = script(f"audio = espeak.synthesize(request({LONG!r}))\nprint(espeak.engine.pid, flush=True)\ninput()")
    with worker:
        assert worker.stdout
        orphan = int(worker.stdout.readline())
        worker.kill()
    assert ends(orphan)


def test_a_stopped_worker_takes_its_helper_along() -> None:
    worker = script("seconds(espeak, 'Hello')\nprint(espeak.engine.pid)")
    out, err = worker.communicate(timeout=20)

    assert (worker.returncode, err) == (0, "")
    assert ends(int(out))


FORK = """
stream = espeak.synthesize(request("Hello there. " * 200))
before = espeak.engine.pid
rendering = threading.Thread(target=lambda: print("thread", len(b"".join(stream.chunks)) > 60 * 44100))
rendering.start()
child = os.fork()
if child == 0:
    assert espeak.engine.pid is None
    assert seconds(espeak, "Hello") > 0.2
    assert espeak.engine.pid != before
    sys.exit(0)
print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
rendering.join()
assert seconds(espeak, "Hello") > 0.2
print("kept", espeak.engine.pid == before)
"""


def test_a_forked_child_has_its_own_helper_and_leaves_the_parents_alone() -> None:
    out, err = script(FORK).communicate(timeout=30)

    assert err == ""
    assert sorted(out.splitlines()) == ["child 0", "kept True", "thread True"]


def test_a_forked_child_does_not_keep_the_parents_helper_alive() -> None:
    worker = script(
        "seconds(espeak, 'Hello')\nreading, writing = os.pipe()\n"
        "if os.fork() == 0:\n    os.close(writing)\n    os.read(reading, 1)\n    os._exit(0)\n"
        "print(espeak.engine.pid, flush=True)\nsys.stdin.read()"
    )
    with worker:
        assert worker.stdout
        orphan = int(worker.stdout.readline())
        worker.kill()
        assert ends(orphan)


def test_an_engine_that_is_disowned_starts_anew(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    first = helper_pid(espeak)
    espeak.engine.disown()

    assert espeak.engine.pid is None
    assert ends(first)
    os.waitpid(first, 0)
    assert seconds(espeak, "Hello") > 0.2


def test_what_runs_at_exit_ends_the_helper_of_every_engine(espeak: Espeak) -> None:
    other = Espeak(EspeakConfig(enabled=True))
    for engine in (espeak, other):
        seconds(engine, "Hello")
    helpers = helper_pid(espeak), helper_pid(other)

    supervisor._close_all()

    assert all(ends(pid) for pid in helpers)
