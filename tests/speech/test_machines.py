"""Clips that machines share, in Redis or in the storage of recordings: sealed, and removed on all machines."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sayna.audio.spec import AudioSpec
from sayna.caller import UNRESTRICTED, Caller
from sayna.config import ConfigError, load_config
from sayna.providers.base import AudioStream, SpeechRequest
from sayna.services import Services, build
from sayna.speech.object_clips import MAX_BYTES
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.provider_calls import ProviderCalls
from sayna.speech.service import CacheMode, PlannedSynthesis, SpeechResult
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.recordings.wire import Reply
from tests.speech.cache.clips import make_clip
from tests.state.conftest import emptied
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace, S3Place
from tests.wire import FaultServer, answers

pytestmark = pytest.mark.e2e
PCM = bytes(range(250)) * 96
SECRET = "one-secret-for-all-machines-0123456789"
buckets = itertools.count(1)
Start = Callable[..., Services]


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.always(answers.whole(PCM))
        yield server


@pytest.fixture
def start(vendor: FaultServer, redis_servers: Callable[[str], Redis], tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a machine with a folder of its own."""
    numbers = itertools.count(1)
    emptied(redis_servers, "redis-server")
    with ExitStack() as stack:

        def machine(**settings: str) -> Services:
            environ = {
                "CACHE_PATH": str(tmp_path / f"cache-{next(numbers)}"),
                "DEEPGRAM_API_KEY": "key",
                "DEEPGRAM_BASE_URL": vendor.url,
                "REDIS_URL": redis_servers("redis-server").url,
                "SAYNA_SECRET": SECRET,
            }
            built = build(load_config({**environ, **settings}))
            stack.callback(built.close)
            return built

        yield machine


@pytest.fixture(params=["redis", "another redis", "s3", "gcs"])
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of each store in turn."""
    if request.param == "redis":
        return {}
    if request.param == "another redis":
        servers = request.getfixturevalue("redis_servers")
        emptied(servers, "valkey-server")
        return {"CLIPS_REDIS_URL": servers("valkey-server").url}
    if request.param == "s3":
        bucket = S3Place(request.getfixturevalue("s3_port"), f"canary-clips-{next(buckets)}")
        return {**bucket.settings, "CLIPS_STORE": "recordings", "CLIPS_PREFIX": "kept/clips"}
    gcs: GCS = request.getfixturevalue("gcs")
    return {**GCSPlace(gcs).settings, "CLIPS_STORE": "recordings"}


def planned(services: Services, text: str = "Hello", **query: str) -> Plan:
    return services.planner.plan(SpeakRequest(text=text, provider="deepgram", audio_format="linear16", **query))  # type: ignore[arg-type]


def speak(services: Services, text: str = "Hello", mode: CacheMode = CacheMode.USE, **query: str) -> SpeechResult:
    """Return speech that is whole and stored."""
    found = services.speech.synthesize(planned(services, text, **query), mode, is_client_connected=lambda: True)
    assert found.finished().audio == PCM
    services.single_flight.close()
    return found


def test_clip_of_one_machine_is_a_hit_on_the_other(start: Start, place: dict[str, str], vendor: FaultServer) -> None:
    one, two = start(**place), start(**place)
    first = speak(one)
    for mode in (CacheMode.ONLY, CacheMode.USE):
        found = speak(two, mode=mode)
        assert (found.outcome, found.created) == ("HIT", first.created)
    assert len(vendor.hits) == 1


def test_machine_that_misses_gets_the_clip_of_another(start: Start, place: dict[str, str], vendor: FaultServer) -> None:
    first = speak(start(**place))
    found = speak(start(**place))
    assert (found.outcome, found.created) == ("HIT", first.created)
    assert len(vendor.hits) == 1


def test_replaced_clip_is_replaced_on_the_other_machine(start: Start, place: dict[str, str]) -> None:
    one, two = start(**place), start(**place)
    assert two.speech.machines is not None
    for each in (one, two):
        speak(each)
    stop = threading.Event()
    follower = threading.Thread(target=two.speech.machines.follow, args=(stop,))
    follower.start()
    try:
        file = Path(str(two.config.cache.path)) / "clip-changes"
        until(file.exists, 60, "the second machine follows")
        renewed = speak(one, mode=CacheMode.REFRESH)
        until(lambda: speak(two).created == renewed.created, 60, "the second machine has the new take")
    finally:
        stop.set()
        follower.join()


def test_stats_clear_and_verify_see_shared_clips(start: Start, place: dict[str, str], vendor: FaultServer) -> None:
    one, two = start(**place), start(**place)
    assert one.speech.machines is not None
    for text, voice in (("One", "aura-2-thalia-en"), ("Two", "aura-2-thalia-en"), ("Three", "aura-2-apollo-en")):
        speak(one, text, voice_id=voice)
    providers, size = one.speech.machines.stats()
    assert providers == {"deepgram": 3}
    assert 3 * len(PCM) < size < 3 * len(PCM) + 3000
    checked: list[tuple[int, int]] = []
    report = one.speech.machines.verify(lambda done, total: checked.append((done, total)))
    assert (report.checked, report.damaged, checked) == (3, 0, [(1, 3), (2, 3), (3, 3)])
    one.speech.machines.remove({planned(one, "Two", voice_id="aura-2-thalia-en").sound})
    assert one.speech.machines.clear(None, "aura-2-apollo-en") == 1
    assert one.speech.machines.clear("azure", None) == 0
    assert one.speech.machines.clear("deepgram", "aura-2-thalia-en") == 1
    assert one.speech.machines.stats() == ({}, 0)
    assert speak(two, "One", voice_id="aura-2-thalia-en").outcome == "MISS"
    assert len(vendor.hits) == 4


def test_planted_clips_are_not_played(start: Start, place: dict[str, str], vendor: FaultServer) -> None:
    one, two = start(**place), start(**place, SAYNA_SECRET="another-secret-of-another-server-012345")
    assert one.speech.machines is not None
    speak(one)
    # Another secret, as a program has it that can write to the store.
    assert speak(two).outcome == "MISS"
    # A clip that was moved to another sound is refused too.
    store, plan = one.speech.machines.store, planned(one, "Other")
    sealed = store.get(store.name(planned(one).sound, "deepgram", plan.voice_id))
    assert sealed is not None
    store.put(store.name(plan.sound, "deepgram", plan.voice_id), sealed, "deepgram", plan.voice_id)
    assert speak(start(**place), "Other").outcome == "MISS"
    assert len(vendor.hits) == 3
    store.put(store.name("5" * 64, "deepgram", "x"), b"planted audio", "deepgram", "x")
    report = one.speech.machines.verify(lambda *_: None)
    assert (report.checked, report.damaged) == (3, 2)
    assert one.speech.machines.stats()[0] == {"deepgram": 1}


def test_expired_clip_is_not_played(start: Start, place: dict[str, str], vendor: FaultServer) -> None:
    one, two = start(**place), start(**place)
    assert one.speech.machines is not None
    plan = planned(one)
    assert one.speech.machines.put(
        plan.sound, make_clip(provider="deepgram", voice_id=plan.voice_id, created=1.0), replaces=False
    )
    assert speak(two).outcome == "MISS"
    assert len(vendor.hits) == 1


def test_clip_that_is_too_large_is_not_shared(start: Start, place: dict[str, str]) -> None:
    one = start(**place)
    assert one.speech.machines is not None
    small, large = make_clip(100), make_clip(MAX_BYTES + 1)
    assert one.speech.machines.put("5" * 64, small, replaces=False)
    # The earlier take must not stay either.
    assert not one.speech.machines.put("5" * 64, large, replaces=True)
    assert one.speech.machines.stats()[0].total() == 0


def test_without_a_store_machines_share_no_clip(start: Start, vendor: FaultServer) -> None:
    one, two = start(CLIPS_STORE="none"), start(CLIPS_STORE="none")
    assert one.speech.machines is not None
    assert [speak(each).outcome for each in (one, two)] == ["MISS", "MISS"]
    assert one.speech.machines.stats()[0].total() == 0
    assert len(vendor.hits) == 2


def test_storage_that_fails_delays_one_miss_in_a_while(start: Start, gcs: GCS, vendor: FaultServer) -> None:
    one = start(**GCSPlace(gcs).settings, CLIPS_STORE="recordings")
    speak(one, "before")
    gcs.wire.script.extend([Reply(503)] * 100)
    for number in range(5):
        assert speak(one, f"{number}").outcome == "MISS"
    # The first miss asks twice; then the storage has a pause.
    assert len(gcs.wire.script) == 98
    assert len(vendor.hits) == 6


class BrokenCalls(ProviderCalls):
    """A provider whose audio begins like an mp3, but cannot be decoded."""

    def start(self, plan: Plan, request: SpeechRequest, caller: Caller) -> AudioStream:
        return AudioStream(AudioSpec("mp3", 24000), iter([b"ID3\x04" + bytes(3000)]))


def test_machine_that_cannot_store_its_speech_gives_the_lead_back(start: Start) -> None:
    one, two = start(), start()
    assert one.speech.machines is not None
    assert two.speech.machines is not None
    plan, calls = planned(one), BrokenCalls(one.usage, one.state.slots, one.config.usage)
    task = PlannedSynthesis(plan, CacheMode.USE, one.cache, calls, UNRESTRICTED, machines=one.speech.machines)
    assert list(one.single_flight.join(plan.stream_key, task, deadline=20))
    one.single_flight.close()
    broadcast = two.speech.machines.broadcasts.join(plan.sound, plan.stream_key)
    assert broadcast.is_leader
    broadcast.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CLIPS_STORE": "recordings", "REDIS_URL": "redis://h", "SAYNA_SECRET": SECRET}, "needs S3"),
        ({"CLIPS_STORE": "redis"}, "without REDIS_URL"),
        ({"CLIPS_REDIS_URL": "redis://h"}, "without REDIS_URL"),
        (
            {"CLIPS_STORE": "none", "CLIPS_REDIS_URL": "redis://h", "REDIS_URL": "redis://h", "SAYNA_SECRET": SECRET},
            "two places",
        ),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(settings)
    assert len(caught.value.problems) == 1
    assert words in caught.value.problems[0]
