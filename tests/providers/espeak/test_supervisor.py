import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import espeakng_loader
import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.espeak import Espeak, supervisor
from tests.providers.espeak.listening import SENTENCE, request, seconds
from tests.providers.espeak.processes import LONG, ends, helper_pid

CRASH = "\u05ec-\u0616"


def test_the_helper_starts_with_the_first_text_and_stays(espeak: Espeak) -> None:
    assert espeak.engine.pid is None
    seconds(espeak, "Hello")
    first = helper_pid(espeak)
    seconds(espeak, "Hello")
    assert helper_pid(espeak) == first


def test_a_text_that_crashes_the_library_is_said_without_what_kills(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    first = helper_pid(espeak)

    assert seconds(espeak, CRASH, "hi") > 0.2

    assert ends(first)
    assert helper_pid(espeak) != first


def test_speech_goes_on_when_the_helper_dies_in_the_middle(espeak: Espeak) -> None:
    text = "Hello there. " * 200
    whole = seconds(espeak, text)
    audio = espeak.synthesize(request(text))
    start = next(audio.chunks)
    os.kill(helper_pid(espeak), signal.SIGKILL)

    assert len(start + b"".join(audio.chunks)) / 44100 == pytest.approx(whole, rel=0.02)


def test_a_text_that_always_kills_the_helper_fails_alone(espeak: Espeak) -> None:
    audio = espeak.synthesize(request(LONG))
    with pytest.raises(errors.ProviderError, match="died"):
        for _ in audio.chunks:
            os.kill(helper_pid(espeak), signal.SIGKILL)
    assert seconds(espeak, "Hello") > 0.2


def test_a_helper_that_died_while_idle_costs_no_text(espeak: Espeak) -> None:
    seconds(espeak, "Hello")
    os.kill(helper_pid(espeak), signal.SIGKILL)
    assert ends(helper_pid(espeak))

    assert seconds(espeak, "Hello") > 0.2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_service_does_not_cut_speech_off(espeak: Espeak, number: int) -> None:
    audio = espeak.synthesize(request("Hello there. " * 100))
    os.kill(helper_pid(espeak), number)

    assert len(b"".join(audio.chunks)) / 44100 > 60
    assert os.getsid(helper_pid(espeak)) == helper_pid(espeak)


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
    engine = supervisor.EspeakEngine(lambda: (library, paths[1]))

    for _ in range(2):
        with pytest.raises(errors.ProviderError):
            engine.ask(b"s", b"", Deadline.after(5))
    engine.close()


def test_a_helper_that_cannot_be_started_is_a_typed_error(espeak: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(errors.ProviderError):
            seconds(espeak, "Hello")
    assert seconds(espeak, "Hello") > 0.2
