import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from sayna import errors
from sayna.providers.espeak import Espeak
from tests.engines.processes import LONG, cpu_seconds, engine_pids, processes, signal_engines
from tests.providers.espeak.listening import request, seconds

STUCK = """
import ctypes, socket
from sayna.engines import wire
from sayna.engines.engine_process import EngineProcess
def stuck(payload, send):
    ctypes.PyDLL(None).sleep(600)  # holds the interpreter, as an endless loop in a regular expression does
    yield
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0engine-that-is-stuck-%d" % __import__("os").getpid())
listener.listen()
with socket.socket(socket.AF_UNIX) as worker:
    worker.connect(listener.getsockname())
    worker.sendall(wire.frame(wire.HIBARI, wire.SECONDS.pack(-0.9)))
    EngineProcess([listener], {wire.HIBARI: stuck}).run()
"""


def test_an_engine_that_is_stuck_dies_at_the_deadline() -> None:
    assert subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=60).returncode == -signal.SIGALRM


def test_engines_that_hang_are_told_at_the_deadline(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    signal_engines(espeak.pool, signal.SIGSTOP)

    with pytest.raises(errors.ProviderTimeout):
        espeak.synthesize(request("Hello", seconds=0.2))

    signal_engines(espeak.pool, signal.SIGCONT)
    assert seconds(espeak, "Hello") > 0.2


def test_a_deadline_that_has_passed_is_told_before_anything_starts(espeak: Espeak) -> None:
    with pytest.raises(errors.ProviderTimeout):
        espeak.synthesize(request("Hello", seconds=0))
    assert processes(espeak.pool) == []


def test_a_text_that_takes_too_long_is_cut_at_the_deadline(espeak: Espeak) -> None:
    seconds(espeak, "Hello")

    with pytest.raises(errors.ProviderTimeout):
        b"".join(espeak.synthesize(request(LONG * 4, seconds=0.5)).chunks)
    assert seconds(espeak, "Hello") > 0.2


def test_a_cancelled_deadline_ends_the_wait(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    asked = request("Hello", seconds=600)
    signal_engines(espeak.pool, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(espeak.synthesize, asked)
        while not asked.deadline._wakers:
            os.sched_yield()
        asked.deadline.cancel()
        with pytest.raises(errors.ProviderTimeout):
            waiting.result(30)
    signal_engines(espeak.pool, signal.SIGCONT)


def test_speech_that_nobody_hears_any_more_is_not_rendered(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    engines = engine_pids(espeak.pool)
    before = sum(map(cpu_seconds, engines))

    audio = espeak.synthesize(request(LONG))
    next(audio.chunks)
    audio.close()
    audio.close()

    assert list(audio.chunks) == []
    assert seconds(espeak, "Hello") == pytest.approx(seconds(espeak, "Hello"), rel=0.1)
    assert engine_pids(espeak.pool) == engines
    assert sum(map(cpu_seconds, engines)) - before < 0.5


def test_closing_speech_whose_engine_has_died_harms_nothing(espeak: Espeak) -> None:
    audio = espeak.synthesize(request(LONG))
    signal_engines(espeak.pool)
    audio.close()

    assert seconds(espeak, "Hello") > 0.2


def test_a_slow_listener_delays_nobody_and_misses_nothing(espeak: Espeak) -> None:
    text = "Hello there. " * 100
    slow = [espeak.synthesize(request(text)) for _ in range(5)]
    starts = [next(each.chunks) for each in slow]

    assert seconds(espeak, "Hello", seconds=30) > 0.2
    whole = seconds(espeak, text)
    for start, each in zip(starts, slow, strict=True):
        assert (len(start) + len(b"".join(each.chunks))) / 44100 == pytest.approx(whole, rel=0.02)
