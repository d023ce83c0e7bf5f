"""A subscriber that waits as long as the provider does reads it in its own thread while it is the only one."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.errors import CallerGone
from sayna.speech.single_flight import SingleFlight, Synthesis
from tests.speech.single_flight.test_coordinator import Tap, eventually


class Threads(Tap):
    """A task that notes which threads read it."""

    def __init__(self, *items: bytes | None) -> None:
        super().__init__(*items)
        self.readers: list[str] = []

    def start(self) -> Synthesis:
        synthesis = super().start()
        synthesis.chunks = self._noted(synthesis.chunks)
        return synthesis

    def _noted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.readers.append(threading.current_thread().name)
            yield chunk


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[SingleFlight, SingleFlight]]:
    first, second = SingleFlight(tmp_path), SingleFlight(tmp_path)
    yield first, second
    first.close()
    second.close()


def test_only_subscriber_reads_in_its_own_thread(two: tuple[SingleFlight, SingleFlight], tmp_path: Path) -> None:
    tap = Threads(b"one", b"two", None)
    subscriber = two[0].join("key", tap, is_patient=True)
    assert next(subscriber) == b"one"
    assert subscriber.is_leader
    assert [file.stat().st_size for file in tmp_path.iterdir()] == [0]
    assert list(subscriber) == [b"two"]
    assert tap.readers[0] == threading.current_thread().name
    assert tap.stored.get(timeout=20) == b"onetwo"
    assert not list(tmp_path.iterdir())


def test_second_subscriber_does_not_wait_for_the_first(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap = Threads(b"one")
    slow = two[0].join("key", tap, is_patient=True)
    assert next(slow) == b"one"
    quick = two[0].join("key", tap, is_patient=True)
    tap.say(b"two", None)
    assert b"".join(quick) == b"onetwo"
    assert b"".join(slow) == b"two"
    assert tap.calls == 1


def test_other_process_does_not_wait_for_the_next_chunk(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap, others = Threads(b"one"), Tap()
    leader = two[0].join("key", tap, is_patient=True)
    assert next(leader) == b"one"
    reading = threading.Thread(target=list, args=(leader,))
    reading.start()
    follower = two[1].join("key", others, is_patient=True)
    # The leader's thread waits for the second chunk meanwhile.
    assert next(follower) == b"one"
    tap.say(b"two", None)
    assert list(follower) == [b"two"]
    reading.join(20)
    assert (tap.calls, others.calls, follower.is_leader) == (1, 0, False)


def test_slow_caller_does_not_stop_the_provider(two: tuple[SingleFlight, SingleFlight]) -> None:
    tap = Threads(b"one", b"two", b"three", None)
    subscriber = two[0].join("key", tap, is_patient=True)
    assert next(subscriber) == b"one"
    assert tap.stored.get(timeout=20) == b"onetwothree"
    assert list(subscriber) == [b"two", b"three"]


def test_only_subscriber_that_hangs_up_cancels_the_provider(two: tuple[SingleFlight, SingleFlight]) -> None:
    class Silent(Tap):
        """A task whose provider says nothing until it is cancelled."""

        def cancel(self) -> None:
            super().cancel()
            self.say(ValueError("the connection was closed"))

    tap = Silent()
    subscriber = two[0].join("key", tap, is_patient=True, is_client_connected=lambda: False)
    with pytest.raises(CallerGone):
        subscriber.wait()
    assert tap.cancelled.is_set()
    assert tap.stored.empty()


def test_abandoned_audio_is_closed_without_its_request(two: tuple[SingleFlight, SingleFlight], tmp_path: Path) -> None:
    tap = Threads(b"one")
    subscriber = two[0].join("key", tap, is_patient=True)
    assert next(subscriber) == b"one"
    subscriber.close()
    assert tap.cancelled.is_set()
    assert tap.closed.wait(20)
    assert eventually(lambda: not list(tmp_path.iterdir()))
    assert b"".join(two[0].join("key", Tap(b"new", None), is_patient=True)) == b"new"
