"""Events that LiveKit sends again are received once; without a store every event is new."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.errors import Overloaded
from sayna.livekit.events import first_delivery
from sayna.state.call_keys import SQLiteOnce
from sayna.state.locks import FileLocks


def event_ids(folder: Path, wait_seconds: float = 2.0) -> SQLiteOnce:
    return SQLiteOnce(folder, "events", FileLocks(folder, "event"), wait_seconds=wait_seconds)


@pytest.fixture
def ids(tmp_path: Path) -> Iterator[SQLiteOnce]:
    yield event_ids(tmp_path / "livekit")


def is_new(ids: SQLiteOnce, event_id: str) -> bool:
    with first_delivery(ids, event_id) as answer:
        return answer


def test_event_is_new_once_even_after_a_restart(ids: SQLiteOnce, tmp_path: Path) -> None:
    assert is_new(ids, "EV_1")
    assert not is_new(ids, "EV_1")
    assert not is_new(event_ids(tmp_path / "livekit"), "EV_1")
    assert is_new(ids, "EV_2")


def test_event_stays_new_when_its_receiver_fails(ids: SQLiteOnce) -> None:
    with pytest.raises(ZeroDivisionError), first_delivery(ids, "EV_1"):
        raise ZeroDivisionError
    assert is_new(ids, "EV_1")


def test_event_under_way_for_too_long_is_overloaded(ids: SQLiteOnce, tmp_path: Path) -> None:
    impatient = event_ids(tmp_path / "livekit", wait_seconds=0.05)
    with first_delivery(ids, "EV_1"), pytest.raises(Overloaded) as caught, first_delivery(impatient, "EV_1"):
        pass
    assert caught.value.retry_after == 1


def test_broken_file_makes_one_event_new_again(ids: SQLiteOnce, tmp_path: Path) -> None:
    is_new(ids, "EV_1")
    for file in (tmp_path / "livekit").glob("events.sqlite*"):
        file.write_bytes(b"this is no database" * 1000)
    assert is_new(ids, "EV_1")
    assert not is_new(ids, "EV_1")


@pytest.mark.parametrize("in_the_way", ["livekit", "livekit/events.sqlite/x", "livekit/events-database.lock/x"])
def test_event_is_accepted_when_nothing_can_be_stored(tmp_path: Path, in_the_way: str) -> None:
    file = tmp_path / in_the_way
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text("a file")
    ids = event_ids(tmp_path / "livekit")
    assert is_new(ids, "EV_1")
    assert is_new(ids, "EV_1")
