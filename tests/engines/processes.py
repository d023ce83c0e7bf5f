"""Watching the processes of a pool from outside."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sayna.engines.pool import EnginePool
from sayna.http import Deadline
from sayna.providers.espeak import Espeak, EspeakConfig
from tests.e2e.program import until

LONG = "中" * 5000  # 22 minutes of audio, 1.5 s of CPU


@contextmanager
def running_pool(folder: Path) -> Iterator[None]:
    """Keep the pool of engines of the workers that share `folder`; each start of one takes 50 ms."""
    keeper = Espeak(EspeakConfig(enabled=True))
    keeper.pool = EnginePool(folder)
    keeper.list_voices(Deadline.after(60))
    yield
    keeper.close()


def processes(pool: EnginePool) -> list[int]:
    """Return the ids of the processes of the running pool, the program first; none while there is no pool.

    Its first process may have said a text before the program has noted its id.
    """
    file = pool._folder / "pid"
    until(lambda: not pool._folder.exists() or (file.exists() and file.stat().st_size), 30, "the pool has begun")
    try:
        program = int(file.read_text())
        children = Path(f"/proc/{program}/task/{program}/children").read_text().split()
    except (OSError, ValueError):
        return []
    return [program, *map(int, children)]


def engine_pids(pool: EnginePool) -> list[int]:
    """Return the engine processes; the program that holds them stands before them."""
    pids = processes(pool)[1:]
    assert pids
    return pids


def signal_engines(pool: EnginePool, number: int = signal.SIGKILL) -> None:
    for pid in engine_pids(pool):
        # It may have died of an earlier signal.
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def ends(pid: int, within: float = 30.0) -> bool:
    """Whether a process ends in time; one that is gone already has."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(within * 1000))
    finally:
        os.close(fd)


def cpu_seconds(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
