"""The audio cache: clips in the memory of this process, in front of clips on the disk of all processes."""

import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.speech.cache.clip import Clip, decode, encode, fingerprint, form_key, is_form, sound_of
from sayna.speech.cache.disk_store import DiskStore
from sayna.speech.cache.memory import CacheEntry, Memory
from sayna.speech.cache.sqlite_errors import BUSY_SECONDS, FAULTS, WRITE_SECONDS
from sayna.speech.cache.stats import CacheStats, VerifyReport, labels, matches
from sayna.state.files import Check

# The limit of each worker. A clip from memory costs 0.5 us, 100 kB from SQLite 55 us (measured).
MEMORY_BYTES = 8 * 2**20
# The limit on the response of a provider.
LARGEST_CLIP_BYTES = 64 * 2**20


class AudioCache:
    """Clips under their keys for `ttl_seconds` within `max_bytes`; a faulty disk costs only speed.

    Without a path each process keeps its clips in memory. With one, a clip that this process has verified is
    served from memory until it expires. When any process clears the cache or replaces an entry, each clip in
    memory is compared with the disk before its next use. Memory may still serve a clip that the disk evicted.
    A write waits up to `write_seconds` for other writers.
    """

    def __init__(
        self, path: Path | None, *, ttl_seconds: float, max_bytes: int, write_seconds: float = WRITE_SECONDS
    ) -> None:
        self.folder = path
        self._ttl = ttl_seconds
        self.max_bytes = max_bytes
        # A clip larger than a quarter of the cache would evict most of the others.
        self.largest_clip = min(LARGEST_CLIP_BYTES, max_bytes // 4)
        self._disk = (
            DiskStore(path, ttl_seconds=ttl_seconds, max_bytes=max_bytes, write_seconds=write_seconds) if path else None
        )
        self._memory = Memory(min(MEMORY_BYTES, max_bytes) if path else max_bytes, keeps_masters=path is None)
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.cache"))
        self.write_errors = 0

    def check(self) -> Check:
        """Return whether clips can be stored, as a store finds it: `ok`, `warn`, `failed`, or `off` in memory."""
        if self._disk is None:
            return "off"
        try:
            return self._disk.check()
        except FAULTS as error:
            self._rate_limited_log.warn("the audio cache cannot be used: %r", error)
            return "failed"

    def generation(self) -> object:
        """Return a value that changes when any process clears the cache or replaces a take."""
        return self._disk.generation() if self._disk else None

    def get(self, key: str, *, from_disk: bool = True) -> Clip | None:
        """Return the complete, unexpired clip of the key, or None; raises nothing.

        The key is that of a sound, for its master, or of one of its forms.
        """
        # Read the generation before the clip: a clear between the two then makes the clip old, never new.
        generation = self.generation()
        entry = self._memory.get(key)
        if entry is None or entry.generation != generation:
            if not from_disk:
                return None
            entry = self._fetch(key, entry, generation)
        if entry is None or entry.clip.info.created + self._ttl <= time.time():
            self._memory.drop(key)
            return None
        return entry.clip

    def largest_of(self, sound: str) -> int | None:
        """Return the bytes of a sound's largest clip on disk, None if it has none, 0 if unknown; raises nothing."""
        # The look that follows tells a fault.
        with contextlib.suppress(*FAULTS):
            if self._disk is not None:
                with self._disk.reading() as cache:
                    return cache.largest_of(sound)
        return 0

    def put(self, key: str, clip: Clip) -> bool:
        """Store the master of a sound in place of its older take and its forms; return whether it is stored."""
        if len(clip.audio) > self.largest_clip:
            return False
        if self._disk is None:
            return self._memory.put(key, CacheEntry(clip, None, b""))
        blob = encode(key, clip)
        if (generation := self._written(partial(self._disk.write, key, blob, _tag(clip)))) is None:
            return False
        self._memory.put(key, CacheEntry(clip, generation, fingerprint(blob)))
        return True

    def put_form(self, sound: str, form: str, clip: Clip, generation: object, *, on_disk: bool) -> None:
        """Keep a form of a take, unless the sound has a newer take; raises nothing.

        `generation` is the one from before the take was read: a form that was made meanwhile is not used.
        """
        if len(clip.audio) > self.largest_clip:
            return
        key, entry, is_kept = form_key(sound, form), CacheEntry(clip, generation, b""), True
        if self._disk is not None and on_disk:
            blob = encode(key, clip)
            entry = CacheEntry(clip, generation, fingerprint(blob))
            is_kept = bool(self._written(partial(self._disk.write_form, key, blob, _tag(clip), clip.info.created)))
        if is_kept:
            self._memory.put(key, entry)

    def clear(self, provider: str | None = None, voice: str | None = None) -> int:
        """Remove the clips of a provider, a voice, both, or all, for every process; return their number.

        Raises OSError, sqlite3.Error or diskcache.Timeout when the disk is at fault.
        """
        if self._disk is None:
            infos = [(key, clip.info) for key, clip in self._memory.clips().items()]
            return self._drop([key for key, info in infos if matches((info.provider, info.voice_id), provider, voice)])
        with self._disk.writing() as cache:
            chosen = [row for row in cache.takes() if matches(labels(row.tag), provider, voice)]
            if provider is None and voice is None:
                cache.clear()
            else:
                for row in chosen:
                    cache.evict(row.tag)
        self._disk.renew()
        return sum(row.entries for row in chosen)

    def remove(self, sounds: Collection[str]) -> int:
        """Remove sounds and their forms, for every process; return the number of entries; raises as clear() does."""
        if self._disk is None:
            return self._drop([key for key in self._memory.clips() if sound_of(key) in sounds])
        with self._disk.writing() as cache:
            chosen = [key for key in cache if isinstance(key, str) and sound_of(key) in sounds]
            removed: int = sum(map(cache.delete, chosen))
        self._disk.renew()
        return removed

    def keys(self) -> list[str]:
        """Return the keys of all sounds; raises OSError, sqlite3.Error or diskcache.Timeout."""
        if self._disk is None:
            return [key for key in self._memory.clips() if not is_form(key)]
        with self._disk.reading() as cache:
            return [key for key in cache if isinstance(key, str) and not is_form(key)]

    def stats(self) -> CacheStats:
        """Return how full the cache is; raises OSError, sqlite3.Error or diskcache.Timeout."""
        providers: Counter[str] = Counter()
        if self._disk is None:
            infos = [clip.info for key, clip in self._memory.clips().items() if not is_form(key)]
            providers.update(info.provider for info in infos)
            oldest = min((info.created for info in infos), default=None)
            return CacheStats(len(infos), self._memory.bytes, self.max_bytes, providers, oldest)
        with self._disk.writing() as cache:
            rows, volume = cache.takes(), int(cache.volume())
        for row in rows:
            providers[labels(row.tag)[0]] += row.entries
        oldest = min((row.oldest for row in rows), default=None)
        return CacheStats(providers.total(), volume, self.max_bytes, providers, oldest)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Read every entry and remove the damaged ones; `progress` gets the entries done and their total.

        Raises OSError, sqlite3.Error or diskcache.Timeout when the disk is at fault.
        """
        if self._disk is None:
            return VerifyReport(len(self._memory.clips()), 0)
        damaged = 0
        with self._disk.writing() as cache:
            keys = list(cache)
            for checked, key in enumerate(keys, 1):
                # One that has just expired or been removed counts as undamaged.
                blob = cache.get(key)
                if blob is not None and not (isinstance(key, str) and decode(key, blob)):
                    damaged += cache.delete(key)
                if progress:
                    progress(checked, len(keys))
        return VerifyReport(len(keys), damaged)

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        if self._disk:
            self._disk.close()

    def _written(self, write: Callable[[], object]) -> object:
        """Return the result of a write to the disk, None when it fails."""
        try:
            return write()
        except FAULTS as error:
            self.write_errors += 1
            self._rate_limited_log.warn("the audio cache cannot be written: %r", error)
            return None

    def _fetch(self, key: str, entry: CacheEntry | None, generation: object) -> CacheEntry | None:
        """Return the entry on disk now, with the clip in memory if both are the same, otherwise verified anew."""
        if self._disk is None:
            return None
        try:
            with self._disk.reading() as cache:
                blob = cache.get(key)
        except FAULTS as error:
            self._rate_limited_log.warn("the audio cache cannot be read: %r", error)
            return None
        if blob is None:
            return None
        same = entry is not None and entry.fingerprint == fingerprint(blob)
        clip = entry.clip if entry and same else decode(key, blob)
        # Damaged: a new synthesis costs money, but the caller never gets wrong audio.
        if clip is None:
            with contextlib.suppress(*FAULTS), self._disk.writing(BUSY_SECONDS) as cache:
                cache.delete(key)
            return None
        self._memory.put(key, fresh := CacheEntry(clip, generation, fingerprint(blob)))
        return fresh

    def _drop(self, keys: list[str]) -> int:
        """Remove entries from the memory; return the number of their sounds."""
        for key in keys:
            self._memory.drop(key)
        return sum(not is_form(key) for key in keys)


def _tag(clip: Clip) -> str:
    return json.dumps([clip.info.provider, clip.info.voice_id])
