"""Slots: so many holders at a time, over threads and processes; a dead holder frees its slot."""

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from sayna.config.connections import RedisAddress
from sayna.state.locks import FileSlots
from sayna.state.ports import Slots
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import Leases, RedisSlots
from tests.e2e.servers import free_port

FORK = multiprocessing.get_context("fork")
Make = Callable[[], Slots]


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.e2e)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return a maker of slots that share their state, for each implementation."""
    if request.param == "redis":
        address: RedisAddress = request.getfixturevalue("empty_redis")
        files = FileSlots(tmp_path / "slots")
        return lambda: RedisSlots(Leases(RedisClient(address, answer_timeout=10)), files)
    return lambda: FileSlots(tmp_path / "slots")


def is_free(slots: Slots, limit: int, name: str = "acme") -> bool:
    try:
        with slots.hold(name, limit, 0):
            return True
    except TimeoutError:
        return False


def test_slots_of_a_name_are_limited(make: Make) -> None:
    slots = make()
    with slots.hold("acme", 2, 0):
        assert is_free(make(), 2)
        with make().hold("acme", 2, 0):
            assert not is_free(slots, 2)
            assert is_free(slots, 2, "another")
            # A limit that was raised counts the holders that there are.
            assert is_free(slots, 3)
        assert is_free(slots, 2)


def test_error_of_the_holder_frees_its_slot(make: Make) -> None:
    with contextlib.suppress(KeyError), make().hold("acme", 1, 0):
        raise KeyError
    assert is_free(make(), 1)


def hold(slots: Slots, held: Event, go_on: Event) -> None:
    with slots.hold("acme", 1, 30):
        held.set()
        go_on.wait(60)


def test_slot_of_a_killed_process_is_free(make: Make) -> None:
    held, go_on = FORK.Event(), FORK.Event()
    process = FORK.Process(target=hold, args=(make(), held, go_on))
    process.start()
    assert held.wait(60)
    assert not is_free(make(), 1)
    process.kill()
    process.join(30)
    # Redis frees the slot when its lease is over.
    with make().hold("acme", 1, 60):
        pass


def test_waiting_holder_gets_the_slot_that_is_given_back(make: Make) -> None:
    held, go_on, second = FORK.Event(), FORK.Event(), FORK.Event()
    processes = [FORK.Process(target=hold, args=(make(), event, go_on)) for event in (held, second)]
    processes[0].start()
    assert held.wait(60)
    processes[1].start()
    go_on.set()
    assert second.wait(30)
    for process in processes:
        process.join(30)


def test_released_slot_leaves_no_file(tmp_path: Path) -> None:
    slots = FileSlots(tmp_path / "slots")
    for number in range(5):
        assert is_free(slots, 3, f"tenant {number}")
    assert not list((tmp_path / "slots").iterdir())


def test_redis_that_is_away_leaves_the_slots_of_the_machine(tmp_path: Path) -> None:
    nowhere = RedisAddress("server", (("127.0.0.1", free_port()),))
    slots = RedisSlots(Leases(RedisClient(nowhere)), FileSlots(tmp_path / "slots"))
    with slots.hold("acme", 1, 0):
        assert not is_free(slots, 1)


def test_folder_that_cannot_be_used_limits_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "slots").write_text("no folder")
    slots = FileSlots(tmp_path / "slots")
    with slots.hold("acme", 1, 0):
        assert is_free(slots, 1)
    assert "limits of concurrency are off" in caplog.text
