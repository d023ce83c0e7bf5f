"""Removes single sounds from the cache on disk, each with all its forms."""

from collections.abc import Collection
from functools import partial

from sayna.speech.cache.clip import sound_of
from sayna.speech.cache.disk_store import DiskStore


def remove_sounds(store: DiskStore, sounds: Collection[str]) -> int:
    """Remove the entries of sounds, in every format, for every process; return their number.

    Raises OSError, sqlite3.Error or diskcache.Timeout when the disk is at fault.
    """
    with store.writing(store.write_seconds) as cache:
        chosen = [key for key in cache if isinstance(key, str) and sound_of(key) in sounds]
        removed: int = sum(store.retry(partial(cache.delete, key)) for key in chosen)
    store.renew()
    return removed
