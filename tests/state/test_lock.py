"""Lock: one holder of a name at a time, over threads and processes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from sayna.errors import StoreUnavailable
from sayna.state.locks import FileLocks
from sayna.state.ports import Lock
from tests.state.conftest import Backend


def test_second_holder_of_a_name_times_out(backend: Backend) -> None:
    with backend.lock().hold("lobby", 1), pytest.raises(TimeoutError), backend.lock().hold("lobby", 0.05):
        pass
    with backend.lock().hold("lobby", 1):
        pass


def test_other_name_is_held_at_once(backend: Backend) -> None:
    with backend.lock().hold("lobby", 1), backend.lock().hold("kitchen", 1):
        pass


def test_threads_hold_a_name_one_by_one(backend: Backend) -> None:
    holders, most = [0], [0]

    def work(_: int) -> None:
        with backend.lock().hold("lobby", 30):
            holders[0] += 1
            most[0] = max(most[0], holders[0])
            holders[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert most == [1]


def hold_until_killed(lock: Lock, held: Event) -> None:
    with lock.hold("lobby", 5):
        held.set()
        threading.Event().wait()


def test_lock_of_a_killed_process_is_free(backend: Backend) -> None:
    context = get_context("fork")
    held = context.Event()
    process = context.Process(target=hold_until_killed, args=(backend.lock(), held))
    process.start()
    assert held.wait(60)
    process.kill()
    process.join()
    process.close()
    with backend.lock().hold("lobby", 20):
        pass


def test_folder_that_is_a_file_makes_locks_unavailable(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file")
    with pytest.raises(StoreUnavailable), FileLocks(tmp_path / "locks", "room").hold("lobby", 1):
        pass
