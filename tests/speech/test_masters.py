"""A sentence is paid for once, whatever it is heard as (contract 3)."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sayna import audio
from sayna.config import load_config
from sayna.errors import ProviderError
from sayna.services import Services, build
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.service import CacheMode, SpeechResult
from tests.audio.sounds import HERTZ, heard, samples_of, sine
from tests.wire import FaultServer, answers
from tests.wire.server import Exchange

SECONDS = 1.537
PCM = sine(24000, SECONDS).tobytes()
FORMS = [(name, rate) for name in audio.FORMATS for rate in (8000, 16000, 24000, 44100)]
MIXED = [("wav", 24000), ("mulaw", 8000), ("alaw", 8000), ("mp3", 24000), ("opus", 48000), ("flac", 24000)]


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.always(answers.whole(PCM))
        yield server


@pytest.fixture(params=["disk", "memory"])
def services(vendor: FaultServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Services]:
    environ = {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": vendor.url, "WEB_THREADS": "32"}
    if request.param == "disk":
        environ["CACHE_PATH"] = str(tmp_path / "cache")
    built = build(load_config(environ))
    yield built
    built.close()


def planned(services: Services, audio_format: str, rate: int, **query: int) -> Plan:
    request = SpeakRequest(
        text="Hello",
        provider="deepgram",
        audio_format=audio_format,
        sample_rate=rate,
        **query,  # type: ignore[arg-type]
    )
    return services.planner.plan(request)


def speak(services: Services, plan: Plan, mode: CacheMode = CacheMode.USE) -> SpeechResult:
    return services.speech.synthesize(plan, mode, is_client_connected=lambda: True)


@pytest.mark.parametrize(
    ("services", "first"),
    [("disk", ("linear16", 24000)), ("disk", ("mp3", 24000)), ("disk", ("mulaw", 8000)), ("memory", ("mp3", 24000))],
    indirect=["services"],
)
def test_every_form_is_the_same_take_and_paid_once(
    services: Services, vendor: FaultServer, first: tuple[str, int]
) -> None:
    paid = speak(services, planned(services, *first))
    assert paid.outcome == "MISS"
    paid.finished()
    for form in FORMS:
        speech = speak(services, planned(services, *form))
        clip = speech.finished()
        sound = heard(clip.audio, speech.plan.target)
        assert (speech.outcome, speech.created) == ("HIT", paid.created)
        assert sound.seconds == pytest.approx(SECONDS, abs=0.02), form
        assert clip.info.duration_ms == pytest.approx(1000 * SECONDS, abs=20), form
        assert sound.hertz == pytest.approx(HERTZ, abs=3), form
        assert speak(services, speech.plan).finished() == clip
    assert len(vendor.hits) == 1


def test_mixed_formats_at_once_cost_one_call(services: Services, vendor: FaultServer) -> None:
    arrived, half = threading.Event(), len(PCM) // 2
    vendor.always(answers.split(PCM[:half], PCM[half:], lambda: arrived.wait(20), "application/octet-stream"))
    plans = [planned(services, *form) for form in MIXED] * 3
    streamed = [plan for plan in plans if audio.streams(plan.target)]
    begun = threading.Barrier(len(streamed) + 1)

    def listen(plan: Plan) -> str:
        speech = speak(services, plan)
        chunks = speech.chunks()
        if plan in streamed:
            assert next(chunks), "the first sound does not wait for the last"
            begun.wait(20)
        assert sum(map(len, chunks)) > 0
        return speech.outcome

    with ThreadPoolExecutor(len(plans)) as threads:
        listeners = [threads.submit(listen, plan) for plan in plans]
        begun.wait(20)
        arrived.set()
        outcomes = [each.result(20) for each in listeners]
    assert len(vendor.hits) == 1
    assert sorted(set(outcomes)) in (["COALESCED", "MISS"], ["COALESCED", "HIT", "MISS"])
    assert outcomes.count("MISS") == 1


def test_vendor_that_dies_midway_breaks_off_every_format(services: Services, vendor: FaultServer) -> None:
    both_listen = threading.Event()

    def dies(exchange: Exchange) -> None:
        labels = {"Content-Type": "application/octet-stream", "Content-Length": str(len(PCM))}
        exchange.send(answers.head(200, labels) + PCM[:40000])
        both_listen.wait(20)
        exchange.reset()

    vendor.always(dies)
    both = [speak(services, planned(services, *form)) for form in (("linear16", 8000), ("mp3", 24000))]
    both_listen.set()
    for speech in both:
        with pytest.raises(ProviderError):
            b"".join(speech.chunks())
    assert len(vendor.hits) == 1
    vendor.always(answers.whole(PCM))
    assert speak(services, planned(services, "mp3", 24000)).outcome == "MISS"


def test_no_cache_forgets_every_form_of_the_old_take(services: Services, vendor: FaultServer) -> None:
    for form in MIXED:
        speak(services, planned(services, *form)).finished()
    quiet = (np.frombuffer(PCM, "<i2") // 8).astype("<i2").tobytes()
    vendor.always(answers.whole(quiet))
    anew = speak(services, planned(services, "wav", 24000), CacheMode.REFRESH)
    anew.finished()
    for form in MIXED:
        speech = speak(services, planned(services, *form))
        assert heard(speech.finished().audio, speech.plan.target).loudness < 0.1
        assert (speech.outcome, speech.created) == ("HIT", anew.created)


def test_no_store_leaves_neither_master_nor_form(services: Services, vendor: FaultServer) -> None:
    speak(services, planned(services, "mp3", 24000), CacheMode.BYPASS).finished()
    assert speak(services, planned(services, "mp3", 24000)).outcome == "MISS"
    assert len(vendor.hits) == 2


@pytest.mark.parametrize("audio_format", ["linear16", "wav", "mulaw", "mp3", "opus", "flac", "wav-alaw"])
def test_silence_is_exact_and_costs_no_call(services: Services, vendor: FaultServer, audio_format: str) -> None:
    for silence in ({}, {"silence_before_ms": 250}, {"silence_before_ms": 250, "silence_after_ms": 1000}):
        speech = speak(services, planned(services, audio_format, 16000, **silence))
        wave, rate = samples_of(speech.finished().audio, speech.plan.target)
        before = silence.get("silence_before_ms", 0) / 1000
        assert len(wave) / rate == pytest.approx(SECONDS + sum(silence.values()) / 1000, abs=0.02)
        assert np.argmax(np.abs(wave) > 0.2) / rate == pytest.approx(before, abs=0.03)
    assert len(vendor.hits) == 1


def test_cache_that_cannot_be_written_costs_no_answer(services: Services, vendor: FaultServer) -> None:
    speak(services, planned(services, "wav", 24000)).finished()
    folder = services.config.cache.path
    with contextlib.ExitStack() as stack:
        if folder is not None:
            database = sqlite3.connect(folder / "audio" / "cache.db", isolation_level=None)
            stack.callback(database.close)
            database.execute("BEGIN IMMEDIATE")
        speech = speak(services, planned(services, "mp3", 16000))
        assert heard(speech.finished().audio, speech.plan.target).hertz == pytest.approx(HERTZ, abs=3)
        assert speech.outcome == "HIT"
    assert services.cache.write_errors == (0 if folder is None else 1)
    assert len(vendor.hits) == 1


def test_vendor_with_mulaw_only_passes_it_on_unchanged(services: Services) -> None:
    codes = bytes(range(256)) * 40
    spec = audio.resolve("mulaw", 8000)
    assert audio.master_of(spec) == spec
    assert b"".join(audio.convert(iter((codes,)), spec, spec)) == codes
