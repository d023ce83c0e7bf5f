import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import espeakng_loader
import pytest

from sayna import errors
from sayna.engines import wire
from sayna.engines.pool import EnginePool
from sayna.http import Deadline
from sayna.providers.espeak import Espeak
from tests.e2e.program import until
from tests.engines.processes import LONG, ends, engine_pids, processes, signal_engines
from tests.providers.espeak.listening import SENTENCE, request, seconds

CRASH = "\u05ec-\u0616"


def test_the_pool_starts_with_the_first_text_and_stays(espeak: Espeak) -> None:
    assert processes(espeak.pool) == []
    seconds(espeak, "Hello")
    first = processes(espeak.pool)
    seconds(espeak, "Hello")
    assert processes(espeak.pool) == first
    assert len(engine_pids(espeak.pool)) == max(1, min(4, os.cpu_count() or 1))


def test_a_text_that_crashes_the_library_is_said_without_what_kills(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    before = engine_pids(espeak.pool)

    assert seconds(espeak, CRASH, "hi") > 0.2

    until(lambda: any(ends(pid, within=0) for pid in before), 30, "one of the engines has ended")


def test_speech_goes_on_when_the_engine_dies_in_the_middle(espeak: Espeak) -> None:
    text = "Hello there. " * 200
    whole = seconds(espeak, text)
    audio = espeak.synthesize(request(text))
    start = next(audio.chunks)
    signal_engines(espeak.pool)

    assert len(start + b"".join(audio.chunks)) / 44100 == pytest.approx(whole, rel=0.02)


def test_a_text_that_always_kills_the_engine_fails_alone(espeak: Espeak) -> None:
    with pytest.raises(errors.ProviderError, match="died"):
        for _ in espeak.synthesize(request(LONG)).chunks:
            signal_engines(espeak.pool)
    assert seconds(espeak, "Hello") > 0.2


def test_engines_that_died_while_idle_cost_no_text(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    before = engine_pids(espeak.pool)
    signal_engines(espeak.pool)
    assert all(map(ends, before))

    assert seconds(espeak, "Hello") > 0.2


def test_a_pool_whose_program_was_killed_is_replaced(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    before = processes(espeak.pool)
    os.kill(before[0], signal.SIGKILL)
    assert all(map(ends, before))

    assert seconds(espeak, "Hello") > 0.2
    assert set(processes(espeak.pool)).isdisjoint(before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_service_does_not_cut_speech_off(espeak: Espeak, number: int) -> None:
    audio = espeak.synthesize(request("Hello there. " * 100))
    program = processes(espeak.pool)[0]
    for pid in processes(espeak.pool):
        os.kill(pid, number)

    assert len(b"".join(audio.chunks)) / 44100 > 60
    assert os.getsid(program) == program != os.getsid(0)


def test_many_threads_all_get_their_own_whole_text(espeak: Espeak) -> None:
    texts = ["one", SENTENCE, "Hello there. " * 5, "1234567890"]
    alone = [seconds(espeak, text) for text in texts]

    def listen(turn: int) -> float:
        return seconds(espeak, texts[turn % 4]) / alone[turn % 4]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(listen, range(80))) == pytest.approx([1.0] * 80, rel=0.05)


def test_closing_in_the_middle_fails_the_running_text(espeak: Espeak) -> None:
    audio = espeak.synthesize(request(LONG))
    espeak.close()

    with pytest.raises(errors.ProviderError):
        b"".join(audio.chunks)


@pytest.mark.parametrize("paths", [("/nonexistent.so", "/"), ("LIBRARY", "/nonexistent")])
def test_a_broken_installation_is_a_typed_error(paths: tuple[str, str]) -> None:
    library = paths[0].replace("LIBRARY", espeakng_loader.get_library_path())
    pool = EnginePool()

    for _ in range(2):
        with pytest.raises(errors.ProviderError, match="failed"):
            list(pool.ask(wire.VOICES, f"{library}\0{paths[1]}\0".encode(), Deadline.after(30)))
    pool.close()


def test_a_pool_that_cannot_be_started_is_a_typed_error(espeak: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(errors.ProviderError):
            seconds(espeak, "Hello")
    assert seconds(espeak, "Hello") > 0.2
