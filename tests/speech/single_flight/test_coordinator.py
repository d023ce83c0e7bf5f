"""What subscribers of one process receive, and what happens to the synthesis when they leave."""

import contextlib
import fcntl
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from sayna.audio.spec import AudioSpec
from sayna.errors import (
    CallerGone,
    EmptyText,
    Overloaded,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderTimeout,
)
from sayna.http import Deadline
from sayna.speech.single_flight import Form, SingleFlight, StreamAborted, Subscriber, Synthesis, SynthesisTask
from sayna.speech.single_flight.frames import DATA, frame
from sayna.speech.single_flight.part_file import PartFile
from sayna.speech.single_flight.stream import SharedStream, State
from tests.speech.single_flight.small_files import small_files


class Tap(SynthesisTask):
    """A task that gives what the test puts in: bytes to yield, an error to raise, or None to end."""

    def __init__(self, *items: bytes | BaseException | None) -> None:
        self.queue: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        self.started, self.closed, self.cancelled = threading.Event(), threading.Event(), threading.Event()
        self.stored: SimpleQueue[bytes] = SimpleQueue()
        self.calls = 0
        self.say(*items)

    def start(self) -> Synthesis:
        self.calls += 1
        self.started.set()
        return Synthesis(self._speak(), self.closed.set)

    def cancel(self) -> None:
        self.cancelled.set()

    def store(self, audio: bytes) -> None:
        self.stored.put(audio)

    def say(self, *items: bytes | BaseException | None) -> None:
        for item in items:
            self.queue.put(item)

    def _speak(self) -> Iterator[bytes]:
        while (item := self.queue.get(timeout=20)) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "flights"


@pytest.fixture
def single_flight(folder: Path) -> Iterator[SingleFlight]:
    opened = SingleFlight(folder)
    yield opened
    opened.close()


@pytest.fixture
def two(folder: Path) -> Iterator[tuple[SingleFlight, SingleFlight]]:
    """Two instances on one folder; within one process only the flock tells them apart."""
    first, second = SingleFlight(folder), SingleFlight(folder)
    yield first, second
    first.close()
    second.close()


def eventually(promise: Callable[[], bool]) -> bool:
    limit = time.monotonic() + 20
    while not promise() and time.monotonic() < limit:
        time.sleep(0.002)
    return promise()


def test_audio_comes_chunk_by_chunk_and_is_stored_whole(single_flight: SingleFlight, folder: Path) -> None:
    tap = Tap()
    subscriber = single_flight.join("key", tap)
    for chunk in (b"one", b"two"):
        tap.say(chunk)
        subscriber.wait()
        assert subscriber.is_leader
        assert next(subscriber) == chunk
    tap.say(b"", None)
    assert list(subscriber) == []
    assert tap.stored.get(timeout=20) == b"onetwo"
    assert tap.closed.is_set()
    assert eventually(lambda: not list(folder.iterdir()))


def test_slow_subscriber_does_not_delay_a_quick_one(single_flight: SingleFlight) -> None:
    tap = Tap()
    slow, quick = single_flight.join("key", tap), single_flight.join("key", tap)
    tap.say(b"one", b"two", None)
    assert b"".join(quick) == b"onetwo"
    assert (slow.is_leader, quick.is_leader) == (True, False)
    assert b"".join(slow) == b"onetwo"
    assert tap.calls == 1


def test_leader_that_leaves_does_not_end_the_audio_of_others(single_flight: SingleFlight) -> None:
    tap = Tap()
    leader, follower = single_flight.join("key", tap), single_flight.join("key", tap)
    tap.say(b"one")
    assert next(leader) == b"one"
    leader.close()
    leader.close()
    tap.say(b"two", None)
    assert b"".join(follower) == b"onetwo"
    assert list(leader) == []
    leader.wait()
    assert not leader.is_leader


@pytest.mark.parametrize("how", ["close", "collect"])
def test_synthesis_without_subscribers_is_cancelled(single_flight: SingleFlight, how: str) -> None:
    tap, next_tap = Tap(b"one"), Tap(b"three", None)
    subscriber = single_flight.join("key", tap)
    assert next(subscriber) == b"one"
    if how == "close":
        subscriber.close()
    del subscriber
    gc.disable()
    try:
        assert tap.cancelled.wait(20)
        tap.say(b"two")
        assert tap.closed.wait(20)
    finally:
        gc.enable()
    assert tap.stored.empty()
    assert b"".join(single_flight.join("key", next_tap)) == b"three"
    assert next_tap.stored.get(timeout=20) == b"three"


def test_synthesis_without_subscribers_never_starts(folder: Path) -> None:
    single_flight = SingleFlight(folder, max_producers=1)
    busy, tap, last = Tap(), Tap(), Tap(None)
    first = single_flight.join("busy", busy)
    assert busy.started.wait(20)
    single_flight.join("key", tap).close()
    busy.say(None)
    assert list(first) == []
    assert list(single_flight.join("last", last)) == []
    assert (tap.calls, last.calls) == (0, 1)
    single_flight.close()


def test_missing_thread_leaves_the_key_free(single_flight: SingleFlight, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tap, next_tap = Tap(), Tap(b"audio", None)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Overloaded):
            single_flight.join("key", tap)
    assert b"".join(single_flight.join("key", next_tap, deadline=5)) == b"audio"
    assert (tap.calls, next_tap.calls) == (0, 1)


def test_late_subscriber_gets_the_same_audio_until_it_is_stored(two: tuple[SingleFlight, SingleFlight]) -> None:
    go_on = threading.Event()

    class SlowStore(Tap):
        def store(self, audio: bytes) -> None:
            go_on.wait(20)

    tap = Tap()
    assert b"".join(two[0].join("key", SlowStore(b"audio", None))) == b"audio"
    late = [each.join("key", tap) for each in two]
    assert [b"".join(subscriber) for subscriber in late] == [b"audio", b"audio"]
    assert not any(subscriber.is_leader for subscriber in late)
    go_on.set()
    assert tap.calls == 0


def test_cached_audio_is_neither_led_nor_stored(single_flight: SingleFlight) -> None:
    class Cached(Tap):
        def start(self) -> Synthesis:
            return Synthesis(iter([b"cached"]), is_cached=True)

    tap = Cached()
    subscriber = single_flight.join("key", tap)
    assert b"".join(subscriber) == b"cached"
    assert not subscriber.is_leader
    single_flight.close()
    assert tap.stored.empty()


def test_error_reaches_every_subscriber_as_its_own(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap = Tap()
    subscribers = [two[0].join("key", tap)]
    assert tap.started.wait(20)
    subscribers += [each.join("key", tap) for each in two]
    tap.say(b"one")
    subscribers[2].wait()
    tap.say(ProviderRejectedCredentials("No.", from_request=True))
    errors = []
    for subscriber in subscribers:
        with pytest.raises(ProviderRejectedCredentials, match=r"No\.") as caught:
            list(subscriber)
        errors.append(caught.value)
    assert {error.status for error in errors} == {400}
    assert len({id(error) for error in errors}) == 3


def test_error_before_the_first_chunk_is_raised_by_wait(single_flight: SingleFlight) -> None:
    class Empty(Tap):
        def start(self) -> Synthesis:
            raise EmptyText("Nothing to say.")

    with pytest.raises(EmptyText):
        single_flight.join("key", Empty()).wait()


def test_unexpected_error_is_logged_and_raised_as_provider_error(
    single_flight: SingleFlight, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ProviderError):
        list(single_flight.join("key", Tap(KeyError("bug"))))
    assert "KeyError" in caplog.text


def test_failing_store_costs_no_audio(single_flight: SingleFlight, caplog: pytest.LogCaptureFixture) -> None:
    class Full(Tap):
        def store(self, audio: bytes) -> None:
            raise OSError(len(audio))

    assert b"".join(single_flight.join("key", Full(b"audio", None))) == b"audio"
    assert eventually(lambda: "could not be stored" in caplog.text)


@pytest.mark.parametrize("deadline", [0.05, 0.0])
@pytest.mark.parametrize("wait", [next, Subscriber.wait])
def test_wait_ends_at_the_deadline(
    single_flight: SingleFlight, deadline: float, wait: Callable[[Subscriber], object]
) -> None:
    tap = Tap()
    with pytest.raises(ProviderTimeout):
        wait(single_flight.join("key", tap, deadline=deadline))
    tap.say(None)


def test_follower_gets_the_audio_of_another_instance_live(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap = Tap()
    leader = two[0].join("key", tap)
    assert tap.started.wait(20)
    follower = two[1].join("key", tap)
    for chunk in (b"one", b"two"):
        tap.say(chunk)
        assert next(follower) == chunk
    tap.say(None)
    assert list(follower) == []
    assert (leader.is_leader, follower.is_leader) == (True, False)


def test_leader_and_follower_have_the_same_take(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap = Tap(b"one")
    leader, follower = two[0].join("key", tap), two[1].join("key", tap)
    for subscriber in (leader, follower):
        subscriber.wait()
    tap.say(None)
    assert leader.created == follower.created > 0
    assert (leader.is_cached, follower.is_cached) == (False, False)


@pytest.mark.parametrize("key", ["", "../key", "a/b", ".hidden", "k" * 129, "a\n"])
def test_key_that_is_a_path_is_refused(single_flight: SingleFlight, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        single_flight.join(key, Tap())


def test_files_of_dead_leaders_are_removed(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in ("key", "never-asked-again"):
        (folder / f"{name}.part").write_bytes(frame(DATA, b"old"))
    single_flight = SingleFlight(folder)
    assert b"".join(single_flight.join("key", Tap(b"new", None))) == b"new"
    single_flight.close()
    assert not list(folder.iterdir())


def test_file_of_a_dead_leader_is_not_followed(single_flight: SingleFlight, folder: Path) -> None:
    assert b"".join(single_flight.join("other", Tap(b"first", None))) == b"first"
    (folder / "key.part").write_bytes(frame(DATA, b"old"))
    assert b"".join(single_flight.join("key", Tap(b"new", None))) == b"new"


@contextlib.contextmanager
def cancelling_leader(path: Path) -> Iterator[None]:
    """Another process that stands still after it has found no follower, before it removes its file."""
    part = PartFile.open(path)
    assert part is not None
    assert not part.has_followers()
    yield
    part.close()


@contextlib.contextmanager
def removing_sweeper(path: Path) -> Iterator[None]:
    """Another process that stands still before it removes the file of a dead leader."""
    with path.open("wb") as file:
        file.write(frame(DATA, b"old"))
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        path.unlink()


@pytest.mark.parametrize("other", [cancelling_leader, removing_sweeper])
@pytest.mark.parametrize("is_patient", [True, False])
def test_process_that_stands_still_does_not_outlast_the_deadline(
    single_flight: SingleFlight,
    folder: Path,
    other: Callable[[Path], contextlib.AbstractContextManager[None]],
    is_patient: bool,
) -> None:
    folder.mkdir(mode=0o700)
    assert b"".join(single_flight.join("first", Tap(b"audio", None))) == b"audio"
    with other(folder / "key.part"):
        with pytest.raises(ProviderTimeout):
            single_flight.join("key", Tap(), deadline=0.2, is_patient=is_patient).wait()
        with pytest.raises(CallerGone):
            single_flight.join("key", Tap(), is_client_connected=lambda: False, is_patient=is_patient).wait()
        assert eventually(lambda: not single_flight._running)

    assert b"".join(single_flight.join("key", Tap(b"new", None), is_patient=is_patient)) == b"new"


@pytest.mark.parametrize("fault", ["file", "writable"])
def test_unusable_folder_leaves_each_process_its_own_streams(
    tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "flights"
    if fault == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    single_flight, tap = SingleFlight(folder), Tap()
    subscribers = [single_flight.join("key", tap) for _ in range(2)]
    tap.say(b"audio", None)
    assert [b"".join(subscriber) for subscriber in subscribers] == [b"audio", b"audio"]
    single_flight.close()
    assert tap.calls == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_deleted_folder_is_made_again(single_flight: SingleFlight, folder: Path) -> None:
    # Another key, because a stream that has just ended may be heard once more.
    for key in ("first", "second"):
        assert b"".join(single_flight.join(key, Tap(b"audio", None))) == b"audio"
        assert eventually(lambda: not list(folder.iterdir()))
        folder.rmdir()


def test_full_disk_aborts_followers_only(
    two: tuple[SingleFlight, SingleFlight], caplog: pytest.LogCaptureFixture
) -> None:
    tap, anew = Tap(), Tap()
    leader = two[0].join("key", tap)
    assert tap.started.wait(20)
    with_audio, without_audio = (two[1].join("key", anew) for _ in range(2))
    tap.say(b"one")
    assert next(with_audio) == b"one"
    with small_files():
        tap.say(b"x" * 5000, None)
        assert b"".join(leader) == b"one" + b"x" * 5000
    with pytest.raises(StreamAborted):
        next(with_audio)
    anew.say(b"two", None)
    assert b"".join(without_audio) == b"two"
    assert (tap.calls, anew.calls) == (1, 1)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_stream_that_cannot_be_looked_at_harms_no_other(
    two: tuple[SingleFlight, SingleFlight], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine, the thread below may begin so late that it looks like that of a slow caller.
    monkeypatch.setattr("sayna.speech.single_flight.drive.SLOW_SECONDS", 60.0)
    asked, silent = threading.Event(), Tap()

    def is_connected() -> bool:
        asked.set()
        raise RuntimeError("no socket")

    first = two[0].join("first", silent, is_client_connected=is_connected, is_patient=True)
    waiting = threading.Thread(target=first.wait)
    waiting.start()
    assert asked.wait(20)
    leader = two[0].join("second", Tap(b"one", b"two", None), is_patient=True)
    assert next(leader) == b"one"
    # The leader reads nothing more, so only the watcher can see its follower.
    assert b"".join(two[1].join("second", Tap(), deadline=20)) == b"onetwo"
    silent.say(b"x", None)
    waiting.join()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_lost_stream_starts_anew_only_before_the_first_chunk() -> None:
    streams: list[SharedStream] = []

    def attach(owner: Callable[[], Subscriber | None]) -> SharedStream:
        streams.append(SharedStream(owner))
        streams[-1].enter()
        if len(streams) == 2:
            streams[-1].append(b"second")
        return streams[-1]

    subscriber = Subscriber(attach, Deadline.after(20), lambda: True, lambda stream: stream)
    streams[0].append(b"first")
    streams[0].abandon()
    assert next(subscriber) == b"second"
    streams[1].abandon()
    with pytest.raises(StreamAborted):
        next(subscriber)
    assert not streams[1].enter()


def test_ended_stream_is_not_abandoned() -> None:
    stream = SharedStream(lambda: None)
    stream.end(State.COMPLETE)
    stream.abandon()
    assert stream.state is State.COMPLETE


class Broken(Form):
    """A form whose encoder fails after its first chunk."""

    name = "broken"

    def __init__(self) -> None:
        self.reached = threading.Event()

    def is_shared(self, spec: AudioSpec) -> bool:
        return True

    def chunks(self, source: Iterator[bytes], spec: AudioSpec, head: bytearray) -> Iterator[bytes]:
        yield next(source)
        self.reached.set()
        raise ProviderError("no encoder")

    def store(self, whole: bytes, received: bytes, spec: AudioSpec, created: float) -> None:
        raise AssertionError("a broken form must not be stored")


def test_form_that_fails_leaves_the_sound_to_be_stored(single_flight: SingleFlight) -> None:
    task = Tap(b"one")
    subscriber = single_flight.join("key", task, form=Broken())
    assert next(subscriber) == b"one"
    with pytest.raises(ProviderError, match="no encoder"):
        next(subscriber)
    subscriber.close()
    task.say(b"two", None)
    assert task.stored.get(timeout=20) == b"onetwo"
    assert not task.cancelled.is_set()


def test_form_without_subscribers_ends_with_its_provider(single_flight: SingleFlight) -> None:
    task, ended = Tap(b"one"), threading.Event()

    class Slow(Broken):
        def chunks(self, source: Iterator[bytes], spec: AudioSpec, head: bytearray) -> Iterator[bytes]:
            try:
                yield from source
            finally:
                ended.set()

    subscriber = single_flight.join("key", task, form=Slow())
    assert next(subscriber) == b"one"
    stream = subscriber._stream
    assert stream is not None
    assert eventually(lambda: bool(stream._changed._waiters))  # type: ignore[attr-defined]
    subscriber.close()
    assert task.cancelled.wait(20)
    assert ended.wait(20)
    task.say(None)
