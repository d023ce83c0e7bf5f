import contextlib
import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from sayna.errors import StoreUnavailable
from sayna.state.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS marks (number INTEGER PRIMARY KEY, text TEXT);"
WRITES = 100


def add(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO marks (text) VALUES ('x')")


def count(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM marks").fetchone()[0])


def write(folder: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: Database(folder, "marks", SCHEMA).transact(add), range(WRITES)))


def test_threads_of_many_processes_lose_and_break_nothing(tmp_path: Path) -> None:
    context = get_context("fork")
    processes = [context.Process(target=write, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
        process.close()
    store = Database(tmp_path, "marks", SCHEMA)
    assert store.transact(count) == 3 * WRITES
    assert stat.S_IMODE(store.file.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"marks.sqlite", "marks-database.lock"}


def test_failed_work_changes_nothing(tmp_path: Path) -> None:
    store = Database(tmp_path, "marks", SCHEMA)

    def fail(database: sqlite3.Connection) -> None:
        add(database)
        raise KeyError

    with pytest.raises(KeyError):
        store.transact(fail)
    assert store.transact(count) == 0


@pytest.mark.parametrize("harm", [lambda file: file.mkdir(), lambda file: file.symlink_to("/etc/hosts")])
def test_place_that_cannot_be_used_is_unavailable(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    store = Database(tmp_path, "marks", SCHEMA)
    harm(store.file)
    with pytest.raises(StoreUnavailable):
        store.transact(count)


def test_connection_that_cannot_write_is_not_kept(tmp_path: Path) -> None:
    store = Database(tmp_path, "marks", SCHEMA, is_quick=True)
    # SQLite opens a file of a read-only disk such that it cannot write after the disk is mended either.
    store.transact(lambda database: database.execute("PRAGMA query_only = 1"))
    with pytest.raises(StoreUnavailable):
        store.transact(add)

    store.transact(add)
    assert store.transact(count) == 1


def test_database_that_stays_busy_is_unavailable(tmp_path: Path) -> None:
    store = Database(tmp_path, "marks", SCHEMA, wait_seconds=0.05)
    store.transact(count)
    blocker = sqlite3.connect(store.file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        store.transact(count)
    blocker.close()
    assert store.transact(count) == 0
    entered, leave = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        entered.set()
        leave.wait(10)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(store.transact, wait)
        assert entered.wait(10)
        with pytest.raises(StoreUnavailable):
            store.transact(count)
        leave.set()
        slow.result()


def test_broken_file_is_renamed_once_by_many_processes(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir(mode=0o700)
        (folder / "marks.sqlite").write_bytes(b"no database" * 100)
        barrier = threading.Barrier(8)

        def put(_: int, folder: Path = folder, barrier: threading.Barrier = barrier) -> int:
            # An instance for each thread, as processes have.
            store = Database(folder, "marks", SCHEMA)
            barrier.wait()
            written = 0
            for _ in range(5):
                with contextlib.suppress(StoreUnavailable):
                    store.transact(add)
                    written += 1
            return written

        with ThreadPoolExecutor(8) as pool:
            written = sum(pool.map(put, range(8)))
        assert written > 0
        assert Database(folder, "marks", SCHEMA).transact(count) == written
        assert len(list(folder.glob("marks.sqlite.corrupt-*"))) == 1
