"""A broken, locked, planted or missing cache costs speed and never an answer."""

import logging
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sayna.log import RateLimitedLogger
from sayna.speech.cache import AudioCache
from sayna.speech.cache.shared_connection import InlineDisk
from tests.e2e.program import until
from tests.speech.cache.clips import KEY, OTHER, blob_of, make_clip, open_cache, tamper
from tests.speech.cache.locks import locked


def works(cache: AudioCache) -> bool:
    clip = make_clip()
    return cache.put(OTHER, clip) and cache.get(OTHER) == clip


class Canary:
    """An object whose unpickling leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.trace,)


def test_a_planted_pickle_is_a_critical_miss_and_does_not_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    trace = tmp_path / "executed"
    tamper(tmp_path, "UPDATE Cache SET mode = 4, value = ?", pickle.dumps(Canary(trace)))
    cache = open_cache(tmp_path)
    assert cache.get(KEY) is None
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert not trace.exists()
    assert cache.stats().entries == 0


@pytest.mark.parametrize("name", ["../../victim", "/etc/hostname", "link"])
def test_a_planted_file_name_is_neither_read_nor_removed(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "one" / "two"
    cache = open_cache(folder)
    cache.put(KEY, make_clip())
    victim = tmp_path / "one" / "victim"
    victim.write_bytes(blob_of(folder, KEY))
    (folder / "audio" / "link").symlink_to(victim)
    tamper(folder, "UPDATE Cache SET mode = 2, value = NULL, filename = ?", name)
    assert open_cache(folder).get(KEY) is None
    assert works(cache)
    assert victim.exists()
    assert Path("/etc/hostname").exists()


@pytest.mark.parametrize("value", [None, 5, "text", b"", b"short", b"x" * 5000])
def test_a_foreign_value_is_a_miss_and_is_removed(tmp_path: Path, value: object) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    tamper(tmp_path, "UPDATE Cache SET value = ?", value)
    cache = open_cache(tmp_path)
    assert cache.get(KEY) is None
    assert cache.stats().entries == 0


def test_an_entry_moved_to_another_key_is_a_miss(tmp_path: Path) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    tamper(tmp_path, "UPDATE Cache SET key = ?", OTHER)
    assert open_cache(tmp_path).get(OTHER) is None


def test_a_flipped_byte_is_a_miss(tmp_path: Path) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    blob = bytearray(blob_of(tmp_path, KEY))
    blob[-100] ^= 1
    tamper(tmp_path, "UPDATE Cache SET value = ?", bytes(blob))
    assert open_cache(tmp_path).get(KEY) is None


def test_planted_tag_counts_for_no_provider(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(KEY, make_clip())
    tamper(tmp_path, "UPDATE Cache SET tag = 'junk'")
    assert cache.stats().providers == {"": 1}
    assert cache.clear("espeak") == 0


@pytest.mark.parametrize("content", [b"junk" * 5000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_junk_database_is_quarantined_and_rebuilt(tmp_path: Path, content: bytes) -> None:
    open_cache(tmp_path / "seed")
    (tmp_path / "audio").mkdir(mode=0o700)
    (tmp_path / "audio" / "cache.db").write_bytes(content)
    cache = open_cache(tmp_path)
    assert cache.get(KEY) is None
    assert works(cache)
    (aside,) = tmp_path.glob("audio.corrupt-*")
    assert (aside / "cache.db").read_bytes() == content


def test_database_of_another_program_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir(mode=0o700)
    tamper(tmp_path, "CREATE TABLE Cache (something TEXT)")
    assert works(open_cache(tmp_path))
    assert len(list(tmp_path.glob("audio.corrupt-*"))) == 1


def test_an_empty_database_is_filled(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir(mode=0o700)
    (tmp_path / "audio" / "cache.db").touch(mode=0o600)
    assert works(open_cache(tmp_path))
    assert not list(tmp_path.glob("audio.corrupt-*"))


def test_only_two_broken_databases_are_kept(tmp_path: Path) -> None:
    for _ in range(4):
        (tmp_path / "audio").mkdir(mode=0o700)
        (tmp_path / "audio" / "cache.db").write_bytes(b"junk" * 5000)
        cache = open_cache(tmp_path)
        assert works(cache)
        cache.close()
        shutil.rmtree(tmp_path / "audio")
    assert len(list(tmp_path.glob("audio.corrupt-*"))) == 2


@pytest.mark.parametrize("keep", [0, 40, 5000])
def test_a_truncated_log_loses_entries_but_never_damages_them(tmp_path: Path, keep: int) -> None:
    clip = make_clip()
    seed = open_cache(tmp_path / "seed")
    seed.put(KEY, clip)
    shutil.copytree(tmp_path / "seed", tmp_path / "copy")
    log = tmp_path / "copy" / "audio" / "cache.db-wal"
    log.write_bytes(log.read_bytes()[:keep])
    (tmp_path / "copy" / "audio" / "cache.db-shm").unlink()
    cache = open_cache(tmp_path / "copy")
    assert cache.get(KEY) in (None, clip)
    assert works(cache)


def test_a_database_that_breaks_in_use_is_rebuilt(tmp_path: Path) -> None:
    cache, other = open_cache(tmp_path), open_cache(tmp_path)
    assert works(cache)
    assert works(other)
    tamper(tmp_path, "DROP TABLE Cache")
    assert cache.get(KEY) is None
    assert works(cache)
    assert other.get(KEY) is None
    assert works(other)
    assert len(list(tmp_path.glob("audio.corrupt-*"))) == 1


@pytest.mark.parametrize("folder", ["audio", "."])
def test_a_deleted_folder_is_made_again(tmp_path: Path, folder: str) -> None:
    path = tmp_path / "var"
    cache = open_cache(path)
    cache.put(KEY, make_clip())
    shutil.rmtree(path / folder)
    assert cache.get(KEY) is None
    assert works(cache)


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o777)
    cache = open_cache(tmp_path)
    assert cache.get(KEY) is None
    assert not works(cache)
    assert cache.write_errors == 1
    assert not list(tmp_path.iterdir())
    assert len([record for record in caplog.records if "audio cache" in record.getMessage()]) == 1


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = open_cache(tmp_path / "file" / "var")
    assert cache.get(KEY) is None
    assert not cache.put(KEY, make_clip())


def test_a_locked_database_costs_a_quarter_of_a_second_at_most(tmp_path: Path) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    opened = open_cache(tmp_path)
    opened.get(OTHER)

    def seconds(cache: AudioCache, *, expected: bool) -> float:
        start = time.monotonic()
        assert bool(cache.get(KEY)) is expected
        return time.monotonic() - start

    with locked(tmp_path / "audio" / "cache.db"):
        # The quickest of some, because the machine may stand still for longer.
        assert min(seconds(opened, expected=True) for _ in range(4)) < 0.25
        assert min(seconds(open_cache(tmp_path), expected=False) for _ in range(4)) < 0.25


def test_locked_database_is_opened_again_after_a_pause(tmp_path: Path) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    cache = open_cache(tmp_path)
    took = []
    with locked(tmp_path / "audio" / "cache.db"):
        for _ in range(4):
            start = time.monotonic()
            assert cache.get(KEY) is None
            took.append(time.monotonic() - start)
    # Only the first one waits for the lock.
    assert min(took[1:]) < 0.05
    until(lambda: cache.get(KEY), 30, "it is opened again")


def test_write_waits_for_a_lock_only_until_its_timeout(tmp_path: Path) -> None:
    cache = open_cache(tmp_path, write_seconds=0.3)
    assert works(cache)
    with locked(tmp_path / "audio" / "cache.db"):
        assert not cache.put(KEY, make_clip())
    assert works(cache)


def test_a_write_refused_for_another_reason_does_not_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = open_cache(tmp_path)
    cache.put(KEY, make_clip())
    tamper(tmp_path, "CREATE TRIGGER no BEFORE INSERT ON Cache BEGIN SELECT RAISE(FAIL, 'no'); END")
    for _ in range(3):
        assert not cache.put(OTHER, make_clip())
    assert cache.write_errors == 3
    assert len(caplog.records) == 1
    assert cache.get(KEY)


def test_warnings_come_once_in_their_time(caplog: pytest.LogCaptureFixture) -> None:
    quiet, loud = (
        RateLimitedLogger(logging.getLogger("a")),
        RateLimitedLogger(logging.getLogger("b"), every_seconds=0.0),
    )
    for _ in range(3):
        quiet.warn("no %s", "disk")
        loud.warn("no disk")
    assert [record.name for record in caplog.records].count("a") == 1
    assert [record.name for record in caplog.records].count("b") == 3


def test_a_key_is_a_string(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        InlineDisk(str(tmp_path)).put(("a", "tuple"))


NARROW = """
import os, sys
from pathlib import Path
from tests.speech.cache.clips import make_clip, open_cache
from sayna.speech.cache import cache_key
cache = open_cache(Path(sys.argv[1]) / "var", max_bytes=2**24)
clip = make_clip(100_000)
assert cache.put("first", clip)
if sys.argv[2] == "full":
    assert not all([cache.put(cache_key({"n": n}), make_clip(100_000)) for n in range(40)])
else:
    cache.close()
    assert not os.system(f"mount -o remount,ro {sys.argv[1]}")
    assert not cache.put("second", clip)
    assert open_cache(Path(sys.argv[1]) / "var").get("first") is None
assert cache.get("first") == clip
assert cache.get("unknown") is None
assert open_cache(Path(sys.argv[1]) / "never" / "made").get("first") is None
"""


@pytest.mark.e2e
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_full_or_read_only_disk_costs_only_the_entries(tmp_path: Path, fault: str) -> None:
    probe = subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this kernel refuses user namespaces: sysctl -w kernel.unprivileged_userns_clone=1")
    script = 'mount -t tmpfs -o size=1m,mode=0700 tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "-Urm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, NARROW, fault]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
