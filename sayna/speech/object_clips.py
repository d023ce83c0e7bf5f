"""The clips of all machines as objects in the storage of recordings (S3, Google Cloud Storage)."""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sayna.state.speech_ports import ClipStore, StoredClip
from sayna.storage import StorageUnavailable, Store

MAX_BYTES = 16 * 2**20
# Misses must not wait for a storage that has just failed.
PAUSE_SECONDS = 30.0

T = TypeVar("T")


class ObjectClips(ClipStore):
    """Objects `prefix`/PROVIDER.DIGEST/SOUND, the digest being that of the voice.

    Objects do not expire by themselves: a lifecycle rule of the bucket removes old ones.
    """

    is_joined = False

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._paused_until = 0.0

    def name(self, sound: str, provider: str, voice: str) -> str:
        return f"{self._prefix}/{provider}.{_digest(voice)}/{sound}"

    def get(self, name: str) -> bytes | None:
        return self._ask(lambda: self._store.read(name, MAX_BYTES))

    def put(self, name: str, clip: bytes, provider: str, voice: str) -> bool:
        return len(clip) <= MAX_BYTES and self._ask(lambda: self._store.write(name, clip))

    def delete(self, name: str) -> None:
        self._ask(lambda: self._store.delete(name))

    def walk(self, provider: str | None, voice: str | None) -> Iterator[StoredClip]:
        prefix = f"{self._prefix}/{provider}." if provider else f"{self._prefix}/"
        for each in self._store.walk(prefix):
            folder, _, sound = each.key.removeprefix(f"{self._prefix}/").partition("/")
            slug, _, digest = folder.rpartition(".")
            if voice is None or digest == _digest(voice):
                yield StoredClip(each.key, sound, slug, each.size)

    def _ask(self, question: Callable[[], T]) -> T:
        if time.monotonic() < self._paused_until:
            raise StorageUnavailable("the storage of clips failed a moment ago", retry_after=1)
        try:
            return question()
        except StorageUnavailable:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            raise


def _digest(voice: str) -> str:
    return hashlib.sha256(voice.encode()).hexdigest()[:16]
