import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from sayna.state.leader import Leader
from tests.e2e.program import until


def lead(folder: Path, leads: Event) -> None:
    def job(stop: threading.Event) -> None:
        leads.set()
        stop.wait()

    Leader(folder, "job", job).start()
    threading.Event().wait()


def test_job_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    leads = [context.Event() for _ in range(2)]
    processes = [context.Process(target=lead, args=(tmp_path, event)) for event in leads]
    processes[0].start()
    assert leads[0].wait(10)
    processes[1].start()
    assert not leads[1].wait(1.5)
    assert processes[0].pid is not None
    os.kill(processes[0].pid, signal.SIGKILL)
    assert leads[1].wait(5)
    for process in processes:
        process.kill()
        process.join()
        process.close()


def test_lock_that_cannot_be_had_is_complained_about_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    is_leader = threading.Event()
    (tmp_path / "job.lock").mkdir()
    leader = Leader(tmp_path, "job", lambda stop: is_leader.set())
    leader.start()
    until(lambda: "job.lock cannot be locked" in caplog.text, 5, "it complains")
    (tmp_path / "job.lock").rmdir()
    assert is_leader.wait(5)
    leader.close()
    leader.close()


def test_job_that_fails_is_begun_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    begun = threading.Semaphore(0)

    def fail(_: threading.Event) -> None:
        begun.release()
        raise KeyError

    leader = Leader(tmp_path, "job", fail)
    leader.start()
    for _ in range(2):
        assert begun.acquire(timeout=5)
    leader.close()
    assert "job failed" in caplog.text
