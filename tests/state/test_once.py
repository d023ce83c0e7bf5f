"""Once: work under a key begins once, and later attempts get its result."""

import stat
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest

from sayna.errors import StoreUnavailable
from sayna.state.ports import AlreadyBegun, Earlier, Once
from tests.e2e.program import until
from tests.state.conftest import Backend, embedded


def finish(once: Once, key: str, result: str = "done") -> Earlier | None:
    """Return what an attempt finds, and finish it when the key is new."""
    with once.attempt(key) as attempt:
        earlier = attempt.earlier()
        if earlier is None:
            attempt.finish(result)
    return earlier


def test_result_is_there_for_later_attempts(backend: Backend) -> None:
    with backend.once().attempt("k") as attempt:
        assert attempt.earlier() is None
        attempt.begin(b"request")
        attempt.finish("result")
    with backend.once().attempt("k") as attempt:
        assert attempt.earlier() == Earlier(b"request", "result")
    assert finish(backend.once(), "other") is None


def test_work_that_never_finished_has_no_result(backend: Backend) -> None:
    with backend.once().attempt("k") as attempt:
        attempt.begin(b"request")
    with backend.once().attempt("k") as attempt:
        assert attempt.earlier() == Earlier(b"request", None)


def test_key_stays_new_when_the_attempt_fails(backend: Backend) -> None:
    with pytest.raises(ZeroDivisionError), backend.once().attempt("k"):
        raise ZeroDivisionError
    assert finish(backend.once(), "k") is None


def test_work_begins_once(backend: Backend) -> None:
    with backend.once().attempt("k") as attempt:
        attempt.begin(b"one")
        with pytest.raises(AlreadyBegun):
            attempt.begin(b"two")
        assert attempt.earlier() == Earlier(b"one", None)


def test_cancelled_work_leaves_its_key_new(backend: Backend) -> None:
    with backend.once().attempt("k") as attempt:
        attempt.begin(b"one")
        attempt.cancel()
    with backend.once().attempt("k") as attempt:
        assert attempt.earlier() is None
        attempt.begin(b"two")
        assert attempt.earlier() == Earlier(b"two", None)


def test_second_attempt_of_a_key_waits_for_the_first(backend: Backend) -> None:
    with ThreadPoolExecutor(1) as pool, backend.once().attempt("k") as attempt:
        second = pool.submit(finish, backend.once(), "k")
        attempt.finish("first")
    assert second.result() == Earlier(b"", "first")


def test_second_attempt_times_out_while_the_first_runs(backend: Backend) -> None:
    impatient = backend.once(wait_seconds=0.05)
    with backend.once().attempt("k"), pytest.raises(TimeoutError), impatient.attempt("k"):
        pass


def test_key_is_forgotten_after_its_time(backend: Backend) -> None:
    expired = backend.once(keep_seconds=0)
    finish(expired, "k")

    def is_forgotten() -> bool:
        with expired.attempt("k") as attempt:
            return attempt.earlier() is None

    # Redis forgets within a millisecond.
    until(is_forgotten, 60, "the key is forgotten")
    with expired.attempt("k") as attempt:
        attempt.begin(b"")


@pytest.mark.parametrize("key", ["", "x" * 1_000_000, "half \ud800 a pair", "nul \0"])
def test_any_text_is_a_key(backend: Backend, key: str) -> None:
    assert finish(backend.once(), key) is None
    assert finish(backend.once(), key) is not None


def test_number_of_keys_is_bounded(tmp_path: Path) -> None:
    files = embedded(tmp_path / "state")
    once = files.once(max_keys=10)
    for number in range(15):
        finish(once, f"{number}")
    assert finish(once, "14") is not None
    assert finish(once, "5") is not None
    assert finish(once, "0") is None


def _count_new(once: Once, results: "SimpleQueue[int]") -> None:
    results.put(sum(finish(once, f"{number}") is None for number in range(50)))


def test_key_is_new_to_one_of_many_processes(backend: Backend) -> None:
    context = get_context("fork")
    results: SimpleQueue[int] = context.SimpleQueue()
    workers = [context.Process(target=_count_new, args=(backend.once(wait_seconds=30), results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
        worker.close()
    assert sum(results.get() for _ in workers) == 50
    results.close()


def test_files_are_private_and_hold_no_key(tmp_path: Path) -> None:
    files = embedded(tmp_path / "state")
    finish(files.once(), "canary-key")
    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert not [file for file in folder.iterdir() if b"canary" in file.read_bytes()]


def test_broken_file_is_renamed_and_keys_go_on(tmp_path: Path) -> None:
    files = embedded(tmp_path / "state")
    finish(files.once(), "k")
    for file in (tmp_path / "state").glob("answers.sqlite*"):
        file.write_bytes(b"this is no database" * 1000)
    with files.once().attempt("k") as attempt:
        with pytest.raises(StoreUnavailable):
            attempt.earlier()
        attempt.finish("again")
    assert finish(files.once(), "k") == Earlier(b"", "again")
    assert list((tmp_path / "state").glob("answers.sqlite.corrupt-*"))
