"""The program that holds the engine processes: it starts them, replaces the dead, and ends with the last worker.

Run as `python -I -S -c CODE PATH` in the folder of the pool, with the import path of the worker that starts it. It
imports the standard library only, so that it starts in 30 ms and takes 5 MB. Each worker holds a shared lock on the
file `workers` for its whole life, so an exclusive lock means that all are gone.
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
from contextlib import suppress
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from sayna.engines import espeak_library
from sayna.engines.engine_process import EngineProcess, exit_with_parent
from sayna.engines.wire import ESPEAK, HIBARI, PIPER, VOICES, Engine, Send, Steps

MOST_PROCESSES = 4
# Requests that wait for a process, beside those that are being said.
BACKLOG = 1024
# A process that dies at its start must not be started in an endless loop.
RESTART_SECONDS = 0.05
NO_VOICES: Any = SimpleNamespace(VOICES={}, DEFAULT="", voice_path=None)


def main() -> None:  # pragma: no cover
    """Open the sockets, detach from the worker that started the pool, and hold the engine processes."""
    listeners = [_listener(name) for name in ("espeak", "neural")]
    if os.fork():
        os._exit(0)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core holds the text
    hold(listeners)


def _listener(name: str) -> socket.socket:  # pragma: no cover
    with suppress(FileNotFoundError):
        os.unlink(name)  # noqa: PTH108 - pathlib doubles the start-up time
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def hold(listeners: list[socket.socket]) -> None:  # pragma: no cover
    """Keep one engine process for each core until all workers are gone, and return never."""
    lock = os.open("workers", os.O_RDWR)
    alive, parent = os.pipe()

    def serve(number: int) -> None:
        os.chdir("/")  # because the folder may be removed below a pool
        os.close(parent)
        os.close(lock)
        _thread.start_new_thread(exit_with_parent, (alive,))
        run_engines(listeners, has_neural=number == 0)

    gc.freeze()  # otherwise the collector of each process would copy the pages of what is here now
    engines = {_fork(serve, number): number for number in range(min(MOST_PROCESSES, os.cpu_count() or 1))}
    with open("pid", "w") as file:  # noqa: PTH123 - as above
        file.write(str(os.getpid()))
    _thread.start_new_thread(_end_after_workers, (lock,))
    while True:
        pid, _ = os.wait()
        time.sleep(RESTART_SECONDS)
        number = engines.pop(pid)
        engines[_fork(serve, number)] = number


def _end_after_workers(lock: int) -> None:  # pragma: no cover
    """Wait for the last worker; leave no file, unless the folder was removed and belongs to another pool by now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(lock), os.stat("workers")):  # noqa: PTH116 - as above
            # The file of the lock is the last one of the alphabet: until it is gone, no worker makes these files anew.
            for name in sorted(os.listdir()):  # noqa: PTH208 - as above
                os.unlink(name)  # noqa: PTH108 - as above
            os.rmdir(os.getcwd())  # noqa: PTH106, PTH109 - as above
    finally:
        # All processes, and this one.
        os.killpg(0, signal.SIGKILL)


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
    engines: dict[bytes, Engine] = {ESPEAK: espeak_library.say, VOICES: espeak_library.send_voices}
    if not has_neural:
        neural.close()
        EngineProcess([espeak], engines).run()
    # This module of hibari downloads voices. Nothing is downloaded here, and an HTTP client takes 6 MB (measured).
    sys.modules["hibari.voices"] = NO_VOICES
    EngineProcess([neural, espeak], engines | {PIPER: neural_engine("piper"), HIBARI: neural_engine("hibari")}).run()


def neural_engine(name: str) -> Engine:  # pragma: no cover
    """Return an engine that imports its models, an optional extra of 100 MB, with the first text."""

    def say(payload: bytes, send: Send) -> Steps:
        imported: Engine = import_module(f"sayna.engines.{name}_models").say
        return (yield from imported(payload, send))

    return say
