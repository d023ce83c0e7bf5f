"""The files of the cache under a process that runs: who has them open, and what happens when they vanish."""

import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from sayna.speech.cache import AudioCache, cache_key
from tests.speech.cache.clips import KEY, OTHER, make_clip, open_cache, tamper
from tests.speech.cache.locks import locked

THREADS = 16


def open_files(name: str) -> int:
    targets = (os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd"))  # noqa: PTH208
    return sum(Path(target.removesuffix(" (deleted)")).name == name for target in targets)


def in_threads(work: Callable[[int], object]) -> list[object]:
    """Return the results of as many threads at once, each of which has had its own turn."""
    together = threading.Barrier(THREADS)

    def run(number: int) -> object:
        together.wait(60)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_all_threads_share_two_connections(tmp_path: Path) -> None:
    before = open_files("cache.db")
    cache = open_cache(tmp_path)
    clips = [make_clip() for _ in range(THREADS)]
    keys = [cache_key({"n": number}) for number in range(THREADS)]
    assert all(in_threads(lambda number: cache.put(keys[number], clips[number])))
    assert in_threads(lambda number: cache.get(keys[number])) == clips
    mine = open_files("cache.db") - before
    cache.close()
    assert mine - (open_files("cache.db") - before) == 2


def stored(cache: AudioCache, name: str, number: int) -> bool:
    return cache.put(cache_key({name: number}), make_clip())


def found(cache: AudioCache, number: int) -> bool:
    return cache.get(cache_key({"unknown": number})) is not None


def vanish(path: Path) -> None:
    for each in path.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()


def empty_folder(path: Path) -> None:
    for each in (path / "audio").iterdir():
        each.unlink()


def remove_database(path: Path) -> None:
    for each in path.glob("audio/cache.db*"):
        each.unlink()


def truncate_database(path: Path) -> None:
    os.truncate(path / "audio" / "cache.db", 0)


def truncate_everything(path: Path) -> None:
    for each in path.glob("audio/cache.db*"):
        os.truncate(each, 0)


def drop_tables(path: Path) -> None:
    tamper(path, "DROP TABLE Cache")


def replace_database(path: Path) -> None:
    (path / "audio" / "cache.db").unlink()
    (path / "audio" / "cache.db").touch(0o600)


DISASTERS = [
    vanish,
    empty_folder,
    remove_database,
    truncate_database,
    truncate_everything,
    drop_tables,
    replace_database,
]


@pytest.mark.parametrize("disaster", DISASTERS, ids=lambda each: each.__name__)
def test_lost_files_are_made_again_in_every_thread(disaster: Callable[[Path], None], tmp_path: Path) -> None:
    first, second = open_cache(tmp_path), open_cache(tmp_path)
    for cache in (first, second):
        in_threads(partial(stored, cache, "old"))
    disaster(tmp_path)
    # As a request does: it looks, renders and stores.
    for cache in (first, second):
        in_threads(partial(found, cache))
        assert all(in_threads(partial(stored, cache, "new")))
    assert open_cache(tmp_path).stats().entries == THREADS
    assert first.check() == second.check() == "ok"


def test_check_says_what_a_store_finds(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    cache = open_cache(path)
    assert open_cache(None).check() == "off"
    assert (cache.check(), cache.put(KEY, make_clip())) == ("ok", True)
    path.chmod(0o2775)
    assert (cache.check(), open_cache(path).put(OTHER, make_clip())) == ("warn", True)
    path.chmod(0o777)
    assert (open_cache(path).check(), open_cache(path).put(OTHER, make_clip())) == ("failed", False)
    path.chmod(0o700)
    with locked(path / "audio" / "cache.db"):
        assert cache.check() == "warn"
    assert cache.check() == "ok"
    (tmp_path / "file").touch()
    assert open_cache(tmp_path / "file" / "cache").check() == "failed"


def test_folder_that_others_may_write_now_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    cache = open_cache(path)
    assert cache.put(KEY, make_clip())
    path.chmod(0o777)
    assert cache.check() == "failed"
    assert not cache.put(OTHER, make_clip())
