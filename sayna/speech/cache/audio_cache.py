"""The audio cache: clips in the memory of this process, in front of clips on the disk of all processes."""

import contextlib
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.speech.cache.clip import Clip, decode, encode, seal
from sayna.speech.cache.disk_store import DiskStore
from sayna.speech.cache.memory import CacheEntry, Memory
from sayna.speech.cache.sqlite_errors import FAULTS, WRITE_SECONDS, patiently
from sayna.speech.cache.stats import CacheStats, VerifyReport, labels, matches, take_stats
from sayna.state.files import private_folder
from sayna.state.secret import load_secret

log = logging.getLogger("sayna.cache")

# Of each worker: a clip from here costs 0.5 us, one from SQLite 55 us for 100 kB,
# one rendered money (measured).
MEMORY_BYTES = 32 * 2**20
# As much as a vendor's answer may have.
LARGEST_CLIP_BYTES = 64 * 2**20


class AudioCache:
    """Clips under their keys for `ttl_seconds` within `max_bytes`; a faulty disk costs only speed.

    Without a path it lives in the memory of each process. With one, a clip that this process has verified is
    served from memory until it expires; once any process clears the cache or replaces an entry, it is
    compared with the disk before it is served again. One evicted from disk may still be served from memory.
    """

    def __init__(self, path: Path | None, *, ttl_seconds: float, max_bytes: int) -> None:
        self._ttl = ttl_seconds
        self._limit = max_bytes
        # A clip of a quarter of the cache would push out most of what is in it.
        self._largest = min(LARGEST_CLIP_BYTES, max_bytes // 4)
        self._shelf = DiskStore(path, ttl_seconds=ttl_seconds, max_bytes=max_bytes) if path else None
        self._memory = Memory(min(MEMORY_BYTES, max_bytes) if path else max_bytes)
        self.secret = load_secret(path)
        self._rate_limited_log = RateLimitedLogger(log)
        self.write_errors = 0

    @property
    def shared(self) -> bool:
        """Whether all processes share the cache, which takes a folder."""
        return self._shelf is not None

    def writable(self) -> bool:
        """Whether clips can be kept; asks the folder, not the database."""
        try:
            return self._shelf is None or os.access(private_folder(self._shelf.folder), os.W_OK | os.X_OK)
        except OSError:
            return False

    def get(self, key: str) -> Clip | None:
        """Return the whole, unexpired clip stored under the key, or nothing; raises nothing."""
        # Before the clip is read: a clear between the two then makes it old, not the other way round.
        generation = self._shelf.generation() if self._shelf else None
        held = self._memory.get(key)
        if held is None or held.generation != generation:
            held = self._fetch(key, held, generation)
        if held is None or held.clip.info.created + self._ttl <= time.time():
            self._memory.drop(key)
            return None
        return held.clip

    def put(self, key: str, clip: Clip) -> bool:
        """Store the clip in place of an older one, waiting 5 s for other writers; return whether it is."""
        if len(clip.audio) > self._largest:
            return False
        if self._shelf is None:
            return self._memory.put(key, CacheEntry(clip, None, b""))
        blob = encode(key, clip)
        try:
            self._shelf.write(key, blob, json.dumps([clip.info.provider, clip.info.voice_id]))
        except FAULTS as error:
            self.write_errors += 1
            self._rate_limited_log.warn("the audio cache cannot be written: %r", error)
            return False
        self._memory.put(key, CacheEntry(clip, self._shelf.generation(), seal(blob)))
        return True

    def clear(self, provider: str | None = None, voice: str | None = None) -> int:
        """Remove the clips of a provider, a voice, both, or all, for every process; return how many.

        Raises OSError, sqlite3.Error or diskcache.Timeout when the disk is at fault.
        """
        if self._shelf is None:
            return self._clear_memory(provider, voice)
        with self._shelf.opened(WRITE_SECONDS) as cache:
            chosen = [
                row for row in take_stats(self._shelf.folder / "cache.db") if matches(labels(row.tag), provider, voice)
            ]
            if provider is None and voice is None:
                patiently(cache.clear)
            else:
                for row in chosen:
                    patiently(partial(cache.evict, row.tag))
        self._shelf.renew()
        return sum(row.entries for row in chosen)

    def stats(self) -> CacheStats:
        """Return how full the cache is; raises OSError, sqlite3.Error or diskcache.Timeout."""
        providers: Counter[str] = Counter()
        if self._shelf is None:
            infos = [clip.info for clip in self._memory.clips().values()]
            providers.update(info.provider for info in infos)
            oldest = min((info.created for info in infos), default=None)
            return CacheStats(len(infos), self._memory.bytes, self._limit, providers, oldest)
        with self._shelf.opened(WRITE_SECONDS) as cache:
            census, volume = take_stats(self._shelf.folder / "cache.db"), int(cache.volume())
        for row in census:
            providers[labels(row.tag)[0]] += row.entries
        oldest = min((row.oldest for row in census), default=None)
        return CacheStats(providers.total(), volume, self._limit, providers, oldest)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Read every entry back and remove the damaged; `progress` gets the entries done and their total.

        Raises OSError, sqlite3.Error or diskcache.Timeout when the disk is at fault.
        """
        if self._shelf is None:
            return VerifyReport(len(self._memory.clips()), 0)
        damaged = 0
        with self._shelf.opened(WRITE_SECONDS) as cache:
            keys = list(cache)
            for checked, key in enumerate(keys, 1):
                if not _is_whole(key, cache.get(key)):
                    damaged += patiently(partial(cache.delete, key))
                if progress:
                    progress(checked, len(keys))
        return VerifyReport(len(keys), damaged)

    def close(self) -> None:
        """Close what this thread has open; using the cache again opens it again."""
        if self._shelf:
            self._shelf.close()

    def _fetch(self, key: str, held: CacheEntry | None, generation: object) -> CacheEntry | None:
        """Return what is on disk now: the clip held already when it is the same, else one verified anew."""
        if self._shelf is None:
            return None
        try:
            with self._shelf.opened() as cache:
                blob = cache.get(key)
        except FAULTS as error:
            self._rate_limited_log.warn("the audio cache cannot be read: %r", error)
            return None
        if blob is None:
            return None
        same = held is not None and held.seal == seal(blob)
        clip = held.clip if held and same else decode(key, blob)
        # Damaged: vendors are asked again, which costs money but no wrong audio.
        if clip is None:
            self._remove(key)
            return None
        fresh = CacheEntry(clip, generation, seal(blob))
        self._memory.put(key, fresh)
        return fresh

    def _remove(self, key: str) -> None:
        """Remove a damaged entry, or leave it: it is a miss either way."""
        if self._shelf:
            with contextlib.suppress(*FAULTS), self._shelf.opened() as cache:
                cache.delete(key)

    def _clear_memory(self, provider: str | None, voice: str | None) -> int:
        infos = {key: clip.info for key, clip in self._memory.clips().items()}
        chosen = [key for key, info in infos.items() if matches((info.provider, info.voice_id), provider, voice)]
        for key in chosen:
            self._memory.drop(key)
        return len(chosen)


def _is_whole(key: object, blob: bytes | None) -> bool:
    """Whether an entry is good; one that has just expired or been removed is no damage."""
    return blob is None or (isinstance(key, str) and decode(key, blob) is not None)
