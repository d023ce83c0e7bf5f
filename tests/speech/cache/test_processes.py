"""Many processes on one cache folder: none fails, none loses what it wrote, none reads half of anything."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sayna.speech.cache import Clip, VerifyReport, cache_key
from sayna.state.files import exclusive
from sayna.state.secret import lasting_secret
from tests.speech.cache.clips import KEY, make_clip, open_cache

# Each process is forked from one that has imported this file: to import it in each takes 0.3 s of CPU.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def write_many(path: Path, gate: object, results: object, threads: int, clips: int) -> None:
    cache = open_cache(path, max_bytes=2**28)
    gate.wait()  # type: ignore[attr-defined]

    def write(thread: int) -> int:
        keys = [cache_key({"pid": os.getpid(), "thread": thread, "n": n}) for n in range(clips)]
        return sum(cache.put(key, make_clip(50_000)) and cache.get(key) is not None for key in keys)

    with ThreadPoolExecutor(threads) as pool:
        results.put((sum(pool.map(write, range(threads))), cache.write_errors, lasting_secret(path)))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("processes", "threads", "clips", "junk"), [(8, 2, 2, False), (8, 1, 2, True), (4, 16, 5, False)]
)
def test_processes_that_begin_at_once_lose_nothing(
    tmp_path: Path, processes: int, threads: int, clips: int, junk: bool
) -> None:
    if junk:
        (tmp_path / "audio").mkdir(mode=0o700)
        (tmp_path / "audio" / "cache.db").write_bytes(b"junk" * 5000)
    gate, results = PROCESSES.Barrier(processes), PROCESSES.SimpleQueue()
    arguments = (tmp_path, gate, results, threads, clips)
    started = [PROCESSES.Process(target=write_many, args=arguments) for _ in range(processes)]
    for process in started:
        process.start()
    reports = [results.get() for _ in started]
    for process in started:
        process.join()
        process.close()
    assert [report[:2] for report in reports] == [(threads * clips, 0)] * processes
    assert len({report[2] for report in reports}) == 1
    assert open_cache(tmp_path, max_bytes=2**28).verify() == VerifyReport(processes * threads * clips, 0)
    assert len(list(tmp_path.glob("audio.corrupt-*"))) == junk


def write_for_ever(path: Path, ready: object) -> None:
    cache = open_cache(path)
    for number in range(10**9):
        cache.put(cache_key({"n": number % 50}), make_clip(100_000))
        ready.set()  # type: ignore[attr-defined]


def test_a_writer_killed_at_any_moment_leaves_nothing_damaged(tmp_path: Path) -> None:
    for turn in range(6):
        ready = PROCESSES.Event()
        process = PROCESSES.Process(target=write_for_ever, args=(tmp_path, ready))
        process.start()
        assert ready.wait(30)
        time.sleep(0.003 * turn)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
        cache = open_cache(tmp_path)
        assert cache.verify().damaged == 0
        assert cache.put(KEY, make_clip())
        cache.close()
    assert not list(tmp_path.glob("audio.corrupt-*"))


def test_forked_child_opens_its_own_connection(tmp_path: Path) -> None:
    cache, clip = open_cache(tmp_path), make_clip()
    cache.put(KEY, clip)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        stored = cache.put(cache_key({"child": 1}), clip) and cache.get(KEY) == clip
        os.write(write, b"y" if stored else b"n")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"y"
    os.close(read)
    os.close(write)
    assert cache.get(cache_key({"child": 1})) == clip
    assert cache.stats().entries == 2


def test_lock_is_waited_for_until_its_timeout(tmp_path: Path) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive(tmp_path / "lock", 1.0):
            held.set()
            release.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    with pytest.raises(TimeoutError), exclusive(tmp_path / "lock", 0.02):
        raise AssertionError
    release.set()
    holder.join()
    with exclusive(tmp_path / "lock", 0.02):
        assert (tmp_path / "lock").exists()


def test_threads_that_begin_at_once_open_the_cache_once(tmp_path: Path) -> None:
    cache, clip = open_cache(tmp_path), make_clip()
    gate = threading.Barrier(16)

    def write(number: int) -> Clip | None:
        gate.wait()
        return cache.get(cache_key({"n": number})) if cache.put(cache_key({"n": number}), clip) else None

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(write, range(16))) == [clip] * 16
