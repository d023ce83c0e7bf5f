"""The clips that one process keeps at hand, bounded by bytes, the longest unused out first."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sayna.speech.cache.clip import Clip


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A clip verified when it was read; `generation` and `seal` tell whether it is still the one on disk."""

    clip: Clip
    generation: object
    seal: bytes


class Memory:
    """A thread-safe LRU of clips; each is charged for its audio and its base64, encoded yet or not."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._held: OrderedDict[str, CacheEntry] = OrderedDict()
        self.bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> CacheEntry | None:
        """Return what is held under the key and count it as used."""
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
            return held

    def put(self, key: str, held: CacheEntry) -> bool:
        """Hold the clip in place of an older one; return False when it alone is too large."""
        # Charged with its base64 too, which more than doubles it once an envelope was asked for.
        if held.clip.footprint > self.max_bytes:
            self.drop(key)
            return False
        with self._lock:
            self._forget(key)
            self._held[key] = held
            self.bytes += held.clip.footprint
            while self.bytes > self.max_bytes:
                self._forget(next(iter(self._held)))
        return True

    def drop(self, key: str) -> None:
        """Forget the clip, if there is one."""
        with self._lock:
            self._forget(key)

    def clips(self) -> dict[str, Clip]:
        """Return a copy of all that is held."""
        with self._lock:
            return {key: held.clip for key, held in self._held.items()}

    def _forget(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self.bytes -= held.clip.footprint
