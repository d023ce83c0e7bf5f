"""Leader: one worker of all does a job, and another takes over when it ends."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from sayna.state.leader import FileLeader, LeaderThread
from sayna.state.ports import Leader
from tests.e2e.program import until
from tests.state.conftest import Backend


def test_one_worker_leads_at_a_time(backend: Backend) -> None:
    stop = threading.Event()
    with backend.leader().term("job", stop) as first, backend.leader().term("job", stop) as second:
        assert first is not None
        assert second is None
    with backend.leader().term("job", stop) as third:
        assert third is not None


def test_each_job_has_its_own_leader(backend: Backend) -> None:
    stop = threading.Event()
    with backend.leader().term("one", stop) as one, backend.leader().term("two", stop) as two:
        assert one is not None
        assert two is not None


def test_term_ends_with_the_worker_s_stop(backend: Backend) -> None:
    stop = threading.Event()
    with backend.leader().term("job", stop) as term:
        assert term is not None
        assert not term.is_set()
        stop.set()
        assert term.wait(30)


def test_term_ends_when_another_worker_leads_by_a_new_file(tmp_path: Path) -> None:
    stop = threading.Event()
    with FileLeader(tmp_path).term("job", stop) as first:
        assert first is not None
        assert not first.wait(0)
        # An administrator empties the folder of a running service.
        (tmp_path / "job.lock").unlink()
        with FileLeader(tmp_path).term("job", stop) as second:
            assert second is not None
            assert first.is_set()
            assert first.wait(0)
            assert not second.is_set()


def lead(leader: Leader, leads: Event) -> None:
    def job(stop: threading.Event) -> None:
        leads.set()
        stop.wait()

    LeaderThread(leader, "job", job).start()
    threading.Event().wait()


def test_job_of_a_killed_worker_is_taken_over(backend: Backend) -> None:
    context = multiprocessing.get_context("fork")
    leads = [context.Event() for _ in range(2)]
    processes = [context.Process(target=lead, args=(backend.leader(), event)) for event in leads]
    processes[0].start()
    assert leads[0].wait(60)
    processes[1].start()
    assert not leads[1].wait(1.5)
    assert processes[0].pid is not None
    os.kill(processes[0].pid, signal.SIGKILL)
    assert leads[1].wait(60)
    for process in processes:
        process.kill()
        process.join()
        process.close()


def test_job_that_fails_begins_again(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    begun = threading.Semaphore(0)

    def fail(_: threading.Event) -> None:
        begun.release()
        raise KeyError

    thread = LeaderThread(backend.leader(), "job", fail)
    thread.start()
    for _ in range(2):
        assert begun.acquire(timeout=60)
    thread.close()
    assert "job failed" in caplog.text


def test_lock_file_that_fails_is_logged_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    is_leader = threading.Event()
    (tmp_path / "job.lock").mkdir()
    thread = LeaderThread(FileLeader(tmp_path), "job", lambda stop: is_leader.set())
    thread.start()
    until(lambda: "job.lock cannot be locked" in caplog.text, 60, "the warning")
    (tmp_path / "job.lock").rmdir()
    assert is_leader.wait(60)
    thread.close()
    thread.close()
