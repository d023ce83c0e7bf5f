"""What one caller's patience, departure or misfortune does to the others."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sayna.config import load_config
from sayna.errors import CallerGone, NotCached, Overloaded, ProviderError, ProviderTimeout
from sayna.services import Services, build
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.service import CacheMode, SpeechResult
from tests.wire import FaultServer, answers

PCM = bytes(range(250)) * 96


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def services(vendor: FaultServer, tmp_path: Path) -> Iterator[Services]:
    environ = {
        "CACHE_PATH": str(tmp_path / "cache"),
        "DEEPGRAM_API_KEY": "key",
        "DEEPGRAM_BASE_URL": vendor.url,
        "WEB_THREADS": "8",
    }
    built = build(load_config(environ))
    yield built
    built.close()


def planned(services: Services, text: str = "Hello", **query: float) -> Plan:
    return services.planner.plan(SpeakRequest(text=text, provider="deepgram", audio_format="linear16", **query))  # type: ignore[arg-type]


def speak(services: Services, plan: Plan, mode: CacheMode = CacheMode.USE, *, alive: bool = True) -> SpeechResult:
    return services.tts.synthesize(plan, mode, alive=lambda: alive)


def spoken(exchange: object) -> None:
    answers.whole(PCM)(exchange)  # type: ignore[arg-type]


def test_caller_who_hangs_up_before_the_first_byte_frees_thread_and_vendor(
    services: Services, vendor: FaultServer
) -> None:
    vendor.always(answers.hang())
    started = time.monotonic()
    with pytest.raises(CallerGone):
        speak(services, planned(services), alive=False)
    assert time.monotonic() - started < 3
    assert vendor.left.wait(3)
    assert len(vendor.hits) == 1


def test_impatient_leader_does_not_end_the_rendering_for_a_patient_follower(
    services: Services, vendor: FaultServer
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(exchange: object) -> None:
        asked.set()
        go_on.wait(20)
        spoken(exchange)

    vendor.always(slow)
    with ThreadPoolExecutor(2) as pool:
        impatient = pool.submit(speak, services, planned(services, request_timeout=1.0))
        assert asked.wait(10)
        patient = pool.submit(lambda: speak(services, planned(services)).whole().audio)
        with pytest.raises(ProviderTimeout):
            impatient.result(20)
        go_on.set()
        assert patient.result(20) == PCM
    assert len(vendor.hits) == 1


def test_audio_that_breaks_off_is_an_error_and_is_not_stored(services: Services, vendor: FaultServer) -> None:
    vendor.always(answers.close_early(PCM, len(PCM) // 2))
    speech = speak(services, planned(services))
    with pytest.raises(ProviderError):
        b"".join(speech.pieces())
    with pytest.raises(NotCached):
        speak(services, planned(services), CacheMode.ONLY)
    vendor.always(spoken)
    assert speak(services, planned(services)).whole().audio == PCM


def test_places_are_limited_and_given_back(services: Services, vendor: FaultServer) -> None:
    vendor.always(spoken)
    places = [speak(services, planned(services, f"text {number}")) for number in range(6)]
    with pytest.raises(Overloaded) as refusal:
        speak(services, planned(services, "one too many"))
    assert refusal.value.retry_after == 1
    for speech in places:
        speech.close()
        speech.close()
    assert speak(services, planned(services, "one too many")).whole().audio == PCM
    assert speak(services, planned(services, "one too many")).outcome == "HIT"


def test_request_with_its_own_credentials_shares_nothing(services: Services, vendor: FaultServer) -> None:
    vendor.always(spoken)
    keys = [
        services.planner.plan(SpeakRequest(text="Hello", provider="deepgram", auth=auth)).key
        for auth in (None, {"api_key": "a"}, {"api_key": "b"})
    ]
    assert len(set(keys)) == 3
