import contextlib
import multiprocessing
import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sayna.errors import Overloaded
from sayna.state.files import exclusive
from sayna.state.seen import EventDeduplicator


@pytest.fixture
def seen(tmp_path: Path) -> EventDeduplicator:
    return EventDeduplicator(tmp_path / "livekit")


def is_new(seen: EventDeduplicator, event_id: str) -> bool:
    with seen.first_delivery(event_id) as answer:
        return answer


def test_event_is_new_once_even_for_a_server_started_later(seen: EventDeduplicator, tmp_path: Path) -> None:
    assert is_new(seen, "EV_1")
    assert not is_new(seen, "EV_1")
    assert not is_new(EventDeduplicator(tmp_path / "livekit"), "EV_1")
    assert is_new(seen, "EV_2")


@pytest.mark.parametrize("event_id", ["", "x" * 1_000_000, "half \ud800 a pair", "nul \0"])
def test_any_text_is_an_id(seen: EventDeduplicator, event_id: str) -> None:
    assert is_new(seen, event_id)
    assert not is_new(seen, event_id)


def test_event_stays_new_when_it_could_not_be_handled(seen: EventDeduplicator) -> None:
    with pytest.raises(ZeroDivisionError), seen.first_delivery("EV_1"):
        raise ZeroDivisionError
    assert is_new(seen, "EV_1")


def age(tmp_path: Path, seconds: float) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "livekit" / "events.sqlite")) as database, database:
        database.execute("UPDATE seen SET at = at - ?", (seconds,))


def count(tmp_path: Path) -> int:
    with contextlib.closing(sqlite3.connect(tmp_path / "livekit" / "events.sqlite")) as database:
        number: int = database.execute("SELECT count(*) FROM seen").fetchone()[0]
        return number


def test_ids_are_kept_for_a_day_and_then_forgotten(seen: EventDeduplicator, tmp_path: Path) -> None:
    is_new(seen, "EV_1")
    age(tmp_path, 86390)
    assert not is_new(seen, "EV_1")
    age(tmp_path, 20)
    assert is_new(seen, "EV_1")
    age(tmp_path, 86401)
    is_new(seen, "EV_2")
    assert count(tmp_path) == 1


def test_number_of_ids_is_bounded(tmp_path: Path) -> None:
    seen = EventDeduplicator(tmp_path / "livekit", keep_ids=10)
    for number in range(15):
        assert is_new(seen, f"EV_{number}")
    assert count(tmp_path) == 10
    assert not is_new(seen, "EV_14")


def test_file_and_folder_are_private(seen: EventDeduplicator, tmp_path: Path) -> None:
    is_new(seen, "EV_1")
    folder = tmp_path / "livekit"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_broken_file_is_set_aside_and_begun_anew(seen: EventDeduplicator, tmp_path: Path) -> None:
    is_new(seen, "EV_1")
    for file in (tmp_path / "livekit").glob("events.sqlite*"):
        file.write_bytes(b"this is no database" * 1000)
    assert is_new(seen, "EV_1")
    assert not is_new(seen, "EV_1")
    assert (tmp_path / "livekit" / "events.corrupt").exists()


def test_events_are_accepted_when_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "livekit").write_text("a file where the folder should be")
    seen = EventDeduplicator(tmp_path / "livekit")
    assert is_new(seen, "EV_1")
    assert is_new(seen, "EV_1")


def test_same_event_brought_meanwhile_waits_for_the_first(seen: EventDeduplicator) -> None:
    answers: list[bool] = []
    second = threading.Thread(target=lambda: answers.append(is_new(seen, "EV_1")))
    with seen.first_delivery("EV_1") as answer:
        assert answer
        second.start()
    second.join(5)
    assert answers == [False]


def test_event_that_takes_too_long_elsewhere_is_to_be_sent_again(tmp_path: Path) -> None:
    seen = EventDeduplicator(tmp_path / "livekit", wait_seconds=0.05)
    is_new(seen, "EV_1")
    [lock] = (tmp_path / "livekit").glob("event-*.lock")
    with exclusive(lock, 1), pytest.raises(Overloaded) as caught, seen.first_delivery("EV_1"):
        pass
    assert caught.value.retry_after == 1


def _report(folder: Path, results: "multiprocessing.SimpleQueue[int]") -> None:
    seen = EventDeduplicator(folder)
    results.put(sum(is_new(seen, f"EV_{number}") for number in range(50)))


def test_event_is_new_to_one_of_many_processes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    workers = [context.Process(target=_report, args=(tmp_path / "livekit", results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert sum(results.get() for _ in workers) == 50
    results.close()


def brought(folder: Path, events: int) -> None:
    seen = EventDeduplicator(folder, wait_seconds=30)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: is_new(seen, f"EV_{os.getpid()}_{number}"), range(events)))


def test_threads_of_many_processes_do_not_break_the_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=brought, args=(tmp_path, 700)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
        process.close()
    assert not list(tmp_path.glob("*corrupt*"))


def test_event_is_accepted_even_when_a_broken_file_cannot_be_set_aside(seen: EventDeduplicator, tmp_path: Path) -> None:
    is_new(seen, "EV_1")
    (tmp_path / "livekit" / "events.sqlite").write_bytes(b"junk" * 1000)
    (tmp_path / "livekit" / "events.corrupt" / "in the way").mkdir(parents=True)
    assert is_new(seen, "EV_2")
