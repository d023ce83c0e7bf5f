"""What the cache keeps, how long, how much, and who sees it."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.speech.cache import AudioCache, Clip, VerifyReport, cache_key, form_key
from sayna.speech.cache.disk_store import DiskStore
from sayna.speech.cache.memory import CacheEntry, Memory
from tests.speech.cache.clips import KEY, OTHER, blob_of, make_clip, open_cache, tamper


@pytest.fixture(params=["disk", "memory"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AudioCache]:
    opened = open_cache(tmp_path / "var" if request.param == "disk" else None)
    yield opened
    opened.close()


def test_stored_clip_is_found(cache: AudioCache) -> None:
    clip = make_clip()
    assert cache.get(KEY) is None
    assert cache.put(KEY, clip)
    assert cache.get(KEY) == clip


def test_a_repeated_hit_is_the_same_object(cache: AudioCache) -> None:
    cache.put(KEY, make_clip())
    assert cache.get(KEY) is cache.get(KEY)


def test_clear_by_provider_and_voice_leaves_the_rest(cache: AudioCache) -> None:
    for provider, voice in [("espeak", "a"), ("espeak", "b"), ("openai", "a"), ("openai", "b")]:
        cache.put(cache_key({"p": provider, "v": voice}), make_clip(provider=provider, voice_id=voice))
    assert cache.clear("espeak", "a") == 1
    assert cache.clear(voice="a") == 1
    assert cache.stats().providers == {"espeak": 1, "openai": 1}
    assert cache.clear("openai") == 1
    assert cache.clear() == 1
    assert (cache.stats().entries, cache.stats().oldest) == (0, None)


def test_stats_say_how_full_the_cache_is(cache: AudioCache) -> None:
    clip = make_clip()
    cache.put(KEY, clip)
    stats = cache.stats()
    assert (stats.entries, stats.limit, stats.providers) == (1, 2**24, {"espeak": 1})
    assert stats.bytes >= len(clip.audio)
    assert stats.oldest == pytest.approx(clip.info.created, abs=10)


def test_an_expired_clip_is_a_miss(cache: AudioCache) -> None:
    cache.put(KEY, make_clip(created=1.0))
    assert cache.get(KEY) is None


def test_a_clip_too_large_for_the_cache_is_not_stored(tmp_path: Path) -> None:
    for path in (tmp_path, None):
        cache = open_cache(path, max_bytes=400_000)
        assert not cache.put(KEY, make_clip(100_001))
        assert cache.put(KEY, make_clip(100_000))
        cache.close()


def test_memory_evicts_the_least_recently_used_clip() -> None:
    cache = open_cache(None, max_bytes=100_000)
    keys = [cache_key({"n": number}) for number in range(20)]
    for key in keys:
        cache.put(key, make_clip(5000))
        cache.get(keys[0])
    assert cache.stats().bytes <= 100_000
    assert cache.get(keys[0]) is not None
    assert cache.get(keys[1]) is None
    assert cache.get(keys[-1]) is not None


def test_clip_too_large_for_memory_removes_the_older_one() -> None:
    cache = open_cache(None, max_bytes=10_000)
    cache.put(KEY, make_clip(2000))
    assert not cache.put(KEY, make_clip(9000))
    assert cache.put(OTHER, make_clip(2500))


@pytest.mark.parametrize("size", [20_000, 300_000])
def test_the_disk_stays_within_its_bytes(tmp_path: Path, size: int) -> None:
    limit = 2**21
    cache = open_cache(tmp_path, max_bytes=limit)
    for number in range(10 * limit // size):
        assert cache.put(cache_key({"n": number}), make_clip(size))
    used = sum(file.stat().st_size for file in (tmp_path / "audio").iterdir() if file.suffix != ".db-shm")
    assert used <= 1.1 * limit
    assert cache.get(cache_key({"n": number})) is not None
    assert open_cache(tmp_path, max_bytes=limit).get(cache_key({"n": 0})) is None


def test_another_instance_reads_a_stored_clip(tmp_path: Path) -> None:
    clip = make_clip(2_000_000)
    first = open_cache(tmp_path)
    first.put(KEY, clip)
    first.close()
    assert open_cache(tmp_path).get(KEY) == clip


def test_a_clear_elsewhere_empties_this_memory(tmp_path: Path) -> None:
    here, there = open_cache(tmp_path), open_cache(tmp_path)
    here.put(KEY, make_clip())
    assert here.get(KEY)
    assert there.clear() == 1
    assert here.get(KEY) is None


def test_replacement_by_another_process_is_served_at_once(tmp_path: Path) -> None:
    here, there = open_cache(tmp_path), open_cache(tmp_path)
    old, new, bystander = make_clip(), make_clip(), make_clip()
    here.put(KEY, old)
    here.put(OTHER, bystander)
    assert there.get(KEY) == old
    there.put(KEY, new)
    assert here.get(KEY) == new
    assert here.get(OTHER) is bystander


def test_a_hit_in_memory_does_not_read_the_disk(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(KEY, make_clip())
    tamper(tmp_path, "DELETE FROM Cache")
    assert cache.get(KEY) is not None


def test_clip_too_large_for_memory_is_read_from_disk(tmp_path: Path) -> None:
    cache = open_cache(tmp_path, max_bytes=2**27)
    clip = make_clip(15 * 2**20)
    assert cache.put(KEY, clip)
    assert cache.get(KEY) is not clip
    assert cache.get(KEY) == clip


def test_the_time_to_live_is_kept_on_disk_too(tmp_path: Path) -> None:
    open_cache(tmp_path).put(KEY, make_clip())
    tamper(tmp_path, "UPDATE Cache SET expire_time = 1")
    cache = open_cache(tmp_path)
    assert cache.get(KEY) is None
    assert cache.stats().entries == 0


def test_verify_removes_the_damaged_and_reports_its_progress(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    for number in range(3):
        cache.put(cache_key({"n": number}), make_clip())
    cache.put(KEY, make_clip())
    tamper(tmp_path, "UPDATE Cache SET value = ? WHERE key = ?", blob_of(tmp_path, KEY)[:-1], KEY)
    tamper(tmp_path, "INSERT INTO Cache (key, raw, mode, value) VALUES (?, 0, 1, ?)", b"cos\n.", b"junk")
    steps: list[tuple[int, int]] = []
    assert cache.verify(lambda done, total: steps.append((done, total))) == VerifyReport(5, 2)
    assert steps == [(done, 5) for done in range(1, 6)]
    assert cache.verify() == VerifyReport(3, 0)


def test_verify_of_memory_finds_no_damage() -> None:
    cache = open_cache(None)
    cache.put(KEY, make_clip())
    assert cache.verify() == VerifyReport(1, 0)


def test_other_users_cannot_read_the_folder_under_any_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        cache = open_cache(tmp_path / "var")
        cache.put(KEY, make_clip())
    finally:
        os.umask(old)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").rglob("*")}
    assert {path.name for path in modes} >= {"audio", "cache.db", "cache.db-wal", "cache.db-shm"}
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items())


def test_forms_go_before_masters_and_never_fill_the_cache(tmp_path: Path) -> None:
    for path in (tmp_path, None):
        cache = open_cache(path, max_bytes=2**20)
        masters = {cache_key({"text": str(number)}): make_clip(90_000 if path else 20_000) for number in range(8)}
        for sound, master in masters.items():
            assert cache.put(sound, master)
        for sound, master in masters.items():
            for form in range(6):
                clip = Clip(master.info, os.urandom(90_000 if path else 20_000))
                cache.put_form(sound, str(form), clip, cache.generation(), on_disk=True)
        assert cache.stats().bytes <= 2**20
        again = open_cache(path, max_bytes=2**20) if path else cache
        assert all(again.get(sound) == master for sound, master in masters.items())
        cache.close()


def test_form_of_an_older_take_is_not_kept(tmp_path: Path) -> None:
    for path in (tmp_path, None):
        cache = open_cache(path)
        old, generation = make_clip(created=time.time() - 5), cache.generation()
        cache.put(KEY, old)
        cache.put(KEY, make_clip())
        cache.put_form(KEY, "mp3", Clip(old.info, b"old"), generation, on_disk=True)
        assert cache.get(form_key(KEY, "mp3")) is None
        cache.close()


def test_form_in_a_full_cache_takes_the_place_of_the_oldest_forms(tmp_path: Path) -> None:
    cache, master = open_cache(tmp_path, max_bytes=2**20), make_clip(50_000)
    assert cache.put(KEY, master)
    for number in range(40):
        cache.put_form(KEY, str(number), Clip(master.info, os.urandom(50_000)), cache.generation(), on_disk=True)
        stored = open_cache(tmp_path, max_bytes=2**20)
        assert all(stored.get(form_key(KEY, str(newest))) for newest in range(max(0, number - 3), number + 1))
        stored.close()
    assert cache.stats().bytes <= 2**20


def test_clip_that_is_cleared_right_after_its_store_is_not_served(tmp_path: Path) -> None:
    cache, other = open_cache(tmp_path), open_cache(tmp_path)

    class Cleared(DiskStore):
        """A store that another process clears at the worst moment."""

        def write(self, key: str, blob: bytes, tag: str) -> object:
            written = super().write(key, blob, tag)
            assert other.clear() == 1
            return written

    cache._disk = Cleared(tmp_path, ttl_seconds=100.0, max_bytes=2**24)
    cache.put(KEY, make_clip())
    assert cache.get(KEY) is None


def test_memory_keeps_no_form_beside_another_take() -> None:
    memory, old, new = Memory(2**20, keeps_masters=True), make_clip(created=1.0), make_clip(created=2.0)
    form = form_key(KEY, "mp3")
    assert memory.put(KEY, CacheEntry(old, None, b""))
    assert memory.put(form, CacheEntry(old, None, b""))
    assert memory.put(KEY, CacheEntry(new, None, b""))
    assert memory.get(form) is None
    # A thread that has made it of the older take, while another one replaced that.
    assert not memory.put(form, CacheEntry(old, None, b""))
    assert memory.put(form, CacheEntry(new, None, b""))
