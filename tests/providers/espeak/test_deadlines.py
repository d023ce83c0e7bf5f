import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sayna import errors
from sayna.providers.espeak import Espeak
from tests.providers.espeak.listening import request, seconds
from tests.providers.espeak.processes import LONG, cpu_seconds, ends, helper_pid


def test_a_hanging_helper_is_killed_at_the_deadline(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    stuck = helper_pid(espeak)
    os.kill(stuck, signal.SIGSTOP)

    started = time.monotonic()
    with pytest.raises(errors.ProviderTimeout):
        espeak.synthesize(request("Hello", seconds=0.2))

    assert time.monotonic() - started < 2
    assert ends(stuck)
    assert seconds(espeak, "Hello") > 0.2


def test_a_deadline_that_has_passed_is_told_before_anything_starts(espeak: Espeak) -> None:
    with pytest.raises(errors.ProviderTimeout):
        espeak.synthesize(request("Hello", seconds=0))


def test_a_text_that_takes_too_long_to_hear_is_cut_at_the_deadline(espeak: Espeak) -> None:
    audio = espeak.synthesize(request(LONG, seconds=0.3))
    late = helper_pid(espeak)

    assert ends(late, 0.5) is False
    with pytest.raises(errors.ProviderTimeout):
        b"".join(audio.chunks)
    assert ends(late)


def test_waiting_for_the_engine_ends_at_the_deadline(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    os.kill(helper_pid(espeak), signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(seconds, espeak, "Hello")
        while espeak.engine._current is None:
            os.sched_yield()
        with pytest.raises(errors.ProviderTimeout, match="busy"):
            espeak.synthesize(request("Hello", seconds=0.2))
        os.kill(helper_pid(espeak), signal.SIGCONT)
        assert first.result() > 0.2


def test_speech_that_nobody_hears_any_more_is_not_rendered(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    first = helper_pid(espeak)
    before = cpu_seconds(first)

    audio = espeak.synthesize(request(LONG))
    next(audio.chunks)
    audio.close()
    audio.close()

    assert list(audio.chunks) == []
    assert seconds(espeak, "Hello") == pytest.approx(seconds(espeak, "Hello"), rel=0.1)
    assert helper_pid(espeak) == first
    assert cpu_seconds(first) - before < 0.5


def test_a_helper_that_does_not_stop_is_killed(espeak: Espeak) -> None:
    audio = espeak.synthesize(request(LONG))
    stuck = helper_pid(espeak)
    os.kill(stuck, signal.SIGSTOP)
    audio.close()

    assert ends(stuck)
    assert seconds(espeak, "Hello") > 0.2


def test_closing_speech_whose_helper_has_died_harms_nothing(espeak: Espeak) -> None:
    audio = espeak.synthesize(request(LONG))
    os.kill(helper_pid(espeak), signal.SIGKILL)
    assert ends(helper_pid(espeak))
    audio.close()

    assert seconds(espeak, "Hello") > 0.2


def test_a_listener_who_pauses_holds_nobody_up_and_misses_nothing(espeak: Espeak) -> None:
    text = "Hello there. " * 100
    slow = espeak.synthesize(request(text))
    start = next(slow.chunks)

    assert seconds(espeak, "Hello", seconds=5) > 0.2
    assert (len(start) + len(b"".join(slow.chunks))) / 44100 == pytest.approx(seconds(espeak, text), rel=0.02)
