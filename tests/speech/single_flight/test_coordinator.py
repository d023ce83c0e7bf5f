"""What listeners of one process hear, and what becomes of the rendering when they leave."""

import contextlib
import gc
import logging
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from sayna.errors import (
    EmptyText,
    InvalidRequest,
    Overloaded,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderTimeout,
    SaynaError,
)
from sayna.http import Deadline
from sayna.speech.single_flight import FlightAborted, Rendering, SingleFlight
from sayna.speech.single_flight.frames import (
    DATA,
    ERROR,
    HEADER,
    FrameReader,
    dump_error,
    frame,
    load_error,
)
from sayna.speech.single_flight.stream import SharedStream, State
from sayna.speech.single_flight.subscriber import Subscriber


class Tap:
    """A vendor that gives what the test puts in: bytes to hear, an error to raise, or None to end."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        self.closed = threading.Event()
        self.finished: SimpleQueue[bytes] = SimpleQueue()
        self.calls = 0

    def launch(self) -> Rendering:
        self.calls += 1
        return Rendering({"call": self.calls}, self._speak(), self.closed.set, self.finished.put)

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
def flights(folder: Path) -> Iterator[SingleFlight]:
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


def test_audio_comes_chunk_by_chunk_and_is_finished_whole(flights: SingleFlight, folder: Path) -> None:
    tap = Tap()
    listener = flights.join("key", tap.launch)
    assert listener.header == {"call": 1}
    assert listener.is_leader
    for chunk in (b"one", b"two"):
        tap.say(chunk)
        assert next(listener) == chunk
    tap.say(b"", None)
    assert list(listener) == []
    assert tap.finished.get(timeout=20) == b"onetwo"
    assert tap.closed.is_set()
    assert eventually(lambda: not list(folder.iterdir()))


def test_a_follower_shares_the_call_and_a_slow_listener_holds_nobody_back(flights: SingleFlight) -> None:
    tap = Tap()
    slow, quick = flights.join("key", tap.launch), flights.join("key", tap.launch)
    tap.say(b"one", b"two", None)
    assert b"".join(quick) == b"onetwo"
    assert (slow.is_leader, quick.is_leader) == (True, False)
    assert b"".join(slow) == b"onetwo"
    assert tap.calls == 1


def test_a_leader_that_leaves_does_not_end_the_audio_of_others(flights: SingleFlight) -> None:
    tap = Tap()
    leader, follower = flights.join("key", tap.launch), flights.join("key", tap.launch)
    tap.say(b"one")
    assert next(leader) == b"one"
    leader.close()
    leader.close()
    tap.say(b"two", None)
    assert b"".join(follower) == b"onetwo"
    assert list(leader) == []
    with pytest.raises(ValueError, match="closed"):
        _ = leader.header


@pytest.mark.parametrize("how", ["close", "collect"])
def test_a_rendering_that_all_have_left_is_cancelled_and_not_stored(
    flights: SingleFlight, folder: Path, how: str
) -> None:
    tap, next_tap = Tap(), Tap()
    listener = flights.join("key", tap.launch)
    tap.say(b"one")
    assert next(listener) == b"one"
    if how == "close":
        listener.close()
    del listener
    gc.disable()
    try:
        tap.say(b"two")
        assert tap.closed.wait(20)
    finally:
        gc.enable()
    assert tap.finished.empty()
    newcomer = flights.join("key", next_tap.launch)
    next_tap.say(b"three", None)
    assert b"".join(newcomer) == b"three"
    assert next_tap.finished.get(timeout=20) == b"three"


def test_a_rendering_that_all_have_left_before_it_began_never_begins(
    flights: SingleFlight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayna.speech.single_flight.coordinator.PUMPS", 1)
    busy, tap, last = Tap(), Tap(), Tap()
    first = flights.join("busy", busy.launch)
    assert first.header == {"call": 1}
    flights.join("key", tap.launch).close()
    busy.say(None)
    assert list(first) == []
    last.say(None)
    assert list(flights.join("last", last.launch)) == []
    assert (tap.calls, last.calls) == (0, 1)


def test_a_thread_that_cannot_be_had_leaves_the_key_free(
    flights: SingleFlight, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tap, next_tap = Tap(), Tap()
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Overloaded):
            flights.join("key", tap.launch)
    next_tap.say(b"audio", None)
    assert b"".join(flights.join("key", next_tap.launch, deadline=5)) == b"audio"
    assert (tap.calls, next_tap.calls) == (0, 1)


def test_who_joins_at_the_end_hears_the_same_rendering_until_it_is_stored(
    two: tuple[SingleFlight, SingleFlight],
) -> None:
    tap, stored = Tap(), threading.Event()
    rendering = Rendering({}, iter([b"audio"]), finish=lambda audio: bool(stored.wait(20)))
    assert b"".join(two[0].join("key", lambda: rendering)) == b"audio"
    late = [flights.join("key", tap.launch) for flights in two]
    assert [b"".join(listener) for listener in late] == [b"audio", b"audio"]
    assert not any(listener.is_leader for listener in late)
    stored.set()
    assert tap.calls == 0


def test_what_the_recheck_finds_is_heard_instead_of_a_call(flights: SingleFlight) -> None:
    tap = Tap()
    found = Rendering({"found": True}, iter([b"stored"]))
    listener = flights.join("key", tap.launch, recheck=lambda: found)
    assert listener.header == {"found": True}
    assert b"".join(listener) == b"stored"
    assert not listener.is_leader
    assert tap.calls == 0


def test_an_error_reaches_every_listener_in_every_process_as_its_own(
    two: tuple[SingleFlight, SingleFlight],
) -> None:
    tap = Tap()
    listeners = [two[0].join("key", tap.launch)]
    assert listeners[0].header
    listeners += [flights.join("key", tap.launch) for flights in two]
    assert listeners[2].header == {"call": 1}
    tap.say(b"one", ProviderRejectedCredentials("No.", from_request=True))
    errors = []
    for listener in listeners:
        with pytest.raises(ProviderRejectedCredentials, match=r"No\.") as caught:
            list(listener)
        errors.append(caught.value)
    assert {error.status for error in errors} == {400}
    assert len({id(error) for error in errors}) == 3


def test_an_error_before_the_header_is_raised_by_the_header(flights: SingleFlight) -> None:
    def launch() -> Rendering:
        raise EmptyText("Nothing to say.")

    with pytest.raises(EmptyText):
        _ = flights.join("key", launch).header


def test_an_unforeseen_error_is_logged_and_heard_as_the_vendors(
    flights: SingleFlight, caplog: pytest.LogCaptureFixture
) -> None:
    tap = Tap()
    tap.say(KeyError("bug"))
    with pytest.raises(ProviderError):
        list(flights.join("key", tap.launch))
    assert "KeyError" in caplog.text


def test_a_store_that_fails_costs_no_audio(flights: SingleFlight, caplog: pytest.LogCaptureFixture) -> None:
    def finish(audio: bytes) -> None:
        raise OSError(len(audio))

    rendering = Rendering({}, iter([b"audio"]), finish=finish)
    assert b"".join(flights.join("key", lambda: rendering)) == b"audio"
    assert eventually(lambda: "could not be stored" in caplog.text)


@pytest.mark.parametrize("deadline", [0.05, Deadline(0.0)])
@pytest.mark.parametrize("wait", [next, lambda listener: listener.header])
def test_no_wait_is_longer_than_its_deadline(
    flights: SingleFlight, deadline: float | Deadline, wait: Callable[[Subscriber], object]
) -> None:
    go = threading.Event()

    def launch() -> Rendering:
        go.wait(20)
        return Rendering({}, iter(()))

    listener = flights.join("key", launch, deadline=deadline)
    with pytest.raises(ProviderTimeout):
        wait(listener)
    go.set()


def test_a_follower_hears_another_instance_live(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap = Tap()
    leader = two[0].join("key", tap.launch)
    assert leader.header == {"call": 1}
    follower = two[1].join("key", tap.launch)
    for chunk in (b"one", b"two"):
        tap.say(chunk)
        assert next(follower) == chunk
    tap.say(None)
    assert list(follower) == []
    assert not follower.is_leader


@pytest.mark.parametrize("key", ["", "../key", "a/b", ".hidden", "k" * 129, "a\n"])
def test_a_key_is_no_path(flights: SingleFlight, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        flights.join(key, Tap().launch)


def test_what_dead_leaders_left_is_removed_and_not_heard(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in ("key", "never-asked-again"):
        (folder / f"{name}.part").write_bytes(frame(HEADER, b"{}") + frame(DATA, b"old"))
    flights, tap = SingleFlight(folder), Tap()
    tap.say(b"new", None)
    assert b"".join(flights.join("key", tap.launch)) == b"new"
    flights.close()
    assert not list(folder.iterdir())


def test_a_dead_leaders_file_that_appears_later_is_not_heard(flights: SingleFlight, folder: Path) -> None:
    tap = Tap()
    tap.say(b"first", None, b"new", None)
    assert b"".join(flights.join("other", tap.launch)) == b"first"
    (folder / "key.part").write_bytes(frame(HEADER, b"{}") + frame(DATA, b"old"))
    assert b"".join(flights.join("key", tap.launch)) == b"new"


@pytest.mark.parametrize("fault", ["file", "writable"])
def test_without_a_usable_folder_the_process_has_its_own_flights(
    tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "flights"
    if fault == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    flights, tap = SingleFlight(folder), Tap()
    listeners = [flights.join("key", tap.launch) for _ in range(2)]
    tap.say(b"audio", None)
    assert [b"".join(listener) for listener in listeners] == [b"audio", b"audio"]
    flights.close()
    assert tap.calls == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_deleted_folder_is_made_again(flights: SingleFlight, folder: Path) -> None:
    tap = Tap()
    for _ in range(2):
        tap.say(b"audio", None)
        assert b"".join(flights.join("key", tap.launch)) == b"audio"
        assert eventually(lambda: not list(folder.iterdir()))
        folder.rmdir()


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """No file can grow beyond 500 bytes, which is how a full disk looks to whoever writes.

    Not a fixture: pytest writes its report, perhaps to a file, before a fixture ends.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_aborts_no_one_in_the_leaders_process(
    two: tuple[SingleFlight, SingleFlight], caplog: pytest.LogCaptureFixture
) -> None:
    tap, anew = Tap(), Tap()
    leader = two[0].join("key", tap.launch)
    assert leader.header
    heard, unheard = (two[1].join("key", anew.launch) for _ in range(2))
    tap.say(b"one")
    assert next(heard) == b"one"
    with small_files():
        tap.say(b"x" * 5000, None)
        assert b"".join(leader) == b"one" + b"x" * 5000
    with pytest.raises(FlightAborted):
        next(heard)
    anew.say(b"two", None)
    assert b"".join(unheard) == b"two"
    assert (tap.calls, anew.calls) == (1, 1)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_flight_lost_after_a_byte_aborts_and_before_it_starts_anew() -> None:
    boarded: list[SharedStream] = []

    def board(owner: object) -> SharedStream:
        boarded.append(SharedStream(owner))
        boarded[-1].enter()
        return boarded[-1]

    listener = Subscriber(board, None, lambda: True)
    boarded[0].append(b"unheard")
    boarded[0].abandon()
    threading.Timer(0.01, lambda: (boarded[1].open({}), boarded[1].append(b"heard"))).start()
    while len(boarded) < 2:
        assert next(listener) == b"heard"
    boarded[1].abandon()
    with pytest.raises(FlightAborted):
        next(listener)
    assert not boarded[1].enter()


def test_a_flight_that_ended_is_not_abandoned() -> None:
    flight = SharedStream(None)
    flight.end(State.COMPLETE)
    flight.abandon()
    assert flight.state is State.COMPLETE


@pytest.mark.parametrize("size", [1, 3, 5, 1000])
def test_frames_survive_any_cut(size: int) -> None:
    data = frame(HEADER, b'{"a":1}') + frame(DATA, b"x" * 300) + frame(ERROR)
    reader = FrameReader()
    found = [item for start in range(0, len(data), size) for item in reader.feed(data[start : start + size])]
    assert found == [(HEADER, b'{"a":1}'), (DATA, b"x" * 300), (ERROR, b"")]


def all_kinds(kind: type[SaynaError]) -> list[type[SaynaError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in all_kinds(below))]


@pytest.mark.parametrize("kind", [*all_kinds(ProviderError), *all_kinds(InvalidRequest)])
def test_every_error_of_speech_keeps_its_class_status_and_code(kind: type[SaynaError]) -> None:
    error = kind("Sorry.")
    error.retry_after = 3
    loaded = load_error(dump_error(error))
    assert type(loaded) is kind
    assert (loaded.status, loaded.code, loaded.message, loaded.retry_after, str(loaded)) == (
        error.status,
        error.code,
        "Sorry.",
        3,
        "Sorry.",
    )


def test_an_error_class_that_is_not_known_here_is_the_vendors() -> None:
    class Elsewhere(ProviderError):
        """A class of another version of Sayna."""

    payload = dump_error(Elsewhere("Sorry.")).replace(b"Elsewhere", b"Nowhere")
    assert type(load_error(payload)) is ProviderError
