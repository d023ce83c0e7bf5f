"""How the timeout, the hang-up or the failure of one caller affects the others."""

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
from sayna.speech.voice_planner import REMEMBERED_BYTES, REMEMBERED_PLANS
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


def speak(services: Services, plan: Plan, mode: CacheMode = CacheMode.USE, *, connected: bool = True) -> SpeechResult:
    return services.speech.synthesize(plan, mode, is_client_connected=lambda: connected)


def spoken(exchange: object) -> None:
    answers.whole(PCM)(exchange)  # type: ignore[arg-type]


def test_hang_up_before_the_first_byte_frees_the_provider(services: Services, vendor: FaultServer) -> None:
    vendor.always(answers.hang())
    started = time.monotonic()
    with pytest.raises(CallerGone):
        speak(services, planned(services), connected=False)
    assert time.monotonic() - started < 20
    assert vendor.left.wait(30)
    assert len(vendor.hits) == 1


def test_timeout_of_the_leader_does_not_end_a_follower(services: Services, vendor: FaultServer) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(exchange: object) -> None:
        asked.set()
        go_on.wait(20)
        spoken(exchange)

    vendor.always(slow)
    with ThreadPoolExecutor(2) as pool:
        impatient = pool.submit(speak, services, planned(services, request_timeout=3.0))
        assert asked.wait(30)
        patient = pool.submit(lambda: speak(services, planned(services)).finished().audio)
        with pytest.raises(ProviderTimeout):
            impatient.result(20)
        go_on.set()
        assert patient.result(20) == PCM
    assert len(vendor.hits) == 1


def test_audio_that_breaks_off_is_an_error_and_is_not_stored(services: Services, vendor: FaultServer) -> None:
    vendor.always(answers.close_early(PCM, len(PCM) // 2))
    speech = speak(services, planned(services))
    with pytest.raises(ProviderError):
        b"".join(speech.chunks())
    with pytest.raises(NotCached):
        speak(services, planned(services), CacheMode.ONLY)
    vendor.always(spoken)
    assert speak(services, planned(services)).finished().audio == PCM


def test_places_are_limited_and_given_back(services: Services, vendor: FaultServer) -> None:
    vendor.always(spoken)
    places = [speak(services, planned(services, f"text {number}")) for number in range(6)]
    with pytest.raises(Overloaded) as refusal:
        speak(services, planned(services, "one too many"))
    assert refusal.value.retry_after == 1
    for speech in places:
        speech.close()
        speech.close()
    assert speak(services, planned(services, "one too many")).finished().audio == PCM
    assert speak(services, planned(services, "one too many")).outcome == "HIT"


def test_request_with_its_own_credentials_shares_nothing(services: Services, vendor: FaultServer) -> None:
    vendor.always(spoken)
    keys = [
        services.planner.plan(SpeakRequest(text="Hello", provider="deepgram", auth=auth)).key
        for auth in (None, {"api_key": "a"}, {"api_key": "b"})
    ]
    assert len(set(keys)) == 3


def test_planner_remembers_a_body_for_each_default_format(services: Services) -> None:
    planner, plan = services.planner, planned(services)
    planner.remember(b"body", ("mp3", "mp3"), plan)
    assert planner.recall(b"body", ("mp3", "mp3")) is plan
    assert planner.recall(b"body", ("wav", "linear16")) is None


def test_planner_forgets_credentials_and_large_bodies(services: Services) -> None:
    planner, formats = services.planner, ("wav", "linear16")
    own = planner.plan(SpeakRequest(text="Hello", provider="deepgram", auth={"api_key": "a"}))
    planner.remember(b"own", formats, own)
    planner.remember(b"x" * (REMEMBERED_BYTES + 1), formats, planned(services))
    assert planner.recall(b"own", formats) is None
    assert planner.recall(b"x" * (REMEMBERED_BYTES + 1), formats) is None


def test_planner_remembers_a_limited_number_of_bodies(services: Services) -> None:
    planner, plan = services.planner, planned(services)
    bodies = [b"%d" % number for number in range(2 * REMEMBERED_PLANS)]
    for body in bodies:
        planner.remember(body, ("wav", "linear16"), plan)
    kept = [body for body in bodies if planner.recall(body, ("wav", "linear16"))]
    assert 0 < len(kept) <= REMEMBERED_PLANS
    assert bodies[-1] in kept
