"""The program that holds the engine processes: it starts them, replaces the dead, and ends with the last worker.

Run as `python -I -S -c CODE PATH DESCRIPTORS FOLDER`, with the import path of the worker that starts it. It imports
the standard library only, so that it starts in 30 ms and takes 5 MB. The worker passes two listening sockets and a
lock file. Each worker holds a shared lock on the file for its whole life, so an exclusive lock means that all are gone.
"""

import _thread
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from sayna.engines.engine_process import EngineProcess, exit_with_parent
from sayna.engines.espeak_library import EspeakEngine
from sayna.engines.wire import ESPEAK, HIBARI, PIPER, VOICES, Engine, FrameSink, Steps

MOST_PROCESSES = 4
# A process that dies at its start must not be started in an endless loop.
RESTART_SECONDS = 0.05
NO_VOICES: Any = SimpleNamespace(VOICES={}, DEFAULT="", voice_path=None)


def process_count() -> int:
    """Return how many engine processes this machine gets: one a core, at most four."""
    return max(1, min(MOST_PROCESSES, os.cpu_count() or 1))


def main() -> None:  # pragma: no cover
    """Detach from the worker that started the pool, then hold the engine processes until all workers are gone."""
    espeak, neural, lock = map(int, sys.argv[2].split(","))
    if os.fork():
        os._exit(0)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core holds the text
    hold([socket.socket(fileno=espeak), socket.socket(fileno=neural)], lock, sys.argv[3])


def hold(listeners: list[socket.socket], lock: int, folder: str) -> None:  # pragma: no cover
    """Keep one engine process for each core until all workers are gone, and return never."""
    alive, parent = os.pipe()

    def serve(number: int) -> None:
        os.close(parent)
        os.close(lock)
        _thread.start_new_thread(exit_with_parent, (alive,))
        run_engines(listeners, has_neural=number == 0)

    def wait_for_workers() -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        finally:
            _fork(lambda _: None, 0)  # the loop below sees the end of a process that is no engine

    gc.freeze()  # otherwise the collector of each process would copy the pages of what is here now
    _thread.start_new_thread(wait_for_workers, ())
    engines = {_fork(serve, number): number for number in range(process_count())}
    with open(f"{folder}/pid", "w") as file:  # noqa: PTH123 - pathlib doubles the start-up time
        file.write(str(os.getpid()))
    while True:
        pid, _ = os.wait()
        if pid not in engines:
            _end(list(engines), folder, lock)
        time.sleep(RESTART_SECONDS)
        number = engines.pop(pid)
        engines[_fork(serve, number)] = number


def _end(engines: list[int], folder: str, lock: int) -> None:  # pragma: no cover
    """End all processes and leave no file, unless the folder was removed and belongs to another pool by now."""
    for engine in engines:
        os.kill(engine, signal.SIGKILL)
        os.waitpid(engine, 0)
    if os.path.samestat(os.fstat(lock), os.stat(f"{folder}/workers")):  # noqa: PTH116 - as above
        # The file of the lock is the last one of the alphabet: until it is gone, no worker makes these files anew.
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - as above
            os.unlink(f"{folder}/{name}")  # noqa: PTH108 - as above
        os.rmdir(folder)  # noqa: PTH106 - as above
    os._exit(0)


def _fork(run: Callable[[int], None], number: int) -> int:  # pragma: no cover
    pid = os.fork()
    if pid:
        return pid
    try:
        run(number)
    finally:
        os._exit(0)


def run_engines(listeners: list[socket.socket], *, has_neural: bool) -> None:  # pragma: no cover
    """Serve for ever. Only one process has the neural engines: their models take 80 MB, and one core is enough."""
    espeak, neural = listeners
    library = EspeakEngine()
    engines: dict[bytes, Engine] = {ESPEAK: library.say, VOICES: library.voices}
    if not has_neural:
        neural.close()
        EngineProcess([espeak], engines).run()
    # This module of hibari downloads voices. Nothing is downloaded here, and an HTTP client takes 6 MB (measured).
    sys.modules["hibari.voices"] = NO_VOICES
    EngineProcess([neural, espeak], engines | {PIPER: neural_engine("piper"), HIBARI: neural_engine("hibari")}).run()


def neural_engine(name: str) -> Engine:  # pragma: no cover
    """Return an engine that imports its models, an optional extra of 100 MB, with the first text."""

    def say(payload: bytes, sink: FrameSink) -> Steps:
        imported: Engine = import_module(f"sayna.engines.{name}_models").say
        return (yield from imported(payload, sink))

    return say
