"""The clips in the memory of one process, bounded by bytes; the least recently used one is evicted first."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sayna.speech.cache.clip import Clip, is_form, sound_of


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A clip that was verified when it was read; `generation` and `fingerprint` show whether the disk still has it."""

    clip: Clip
    generation: object
    fingerprint: bytes


class Memory:
    """A thread-safe LRU of clips; each counts with its audio and its base64, encoded yet or not.

    With `keeps_masters` the forms of all sounds are evicted before the first master (contract 3).
    """

    def __init__(self, max_bytes: int, *, keeps_masters: bool = False) -> None:
        self.max_bytes = max_bytes
        self._keeps_masters = keeps_masters
        self._entries: OrderedDict[str, CacheEntry] = OrderedDict()
        # The keys of the forms of each sound: to search all entries would cost each miss 1 us an entry (measured).
        self._forms: dict[str, set[str]] = {}
        self.bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> CacheEntry | None:
        """Return the entry of the key and mark it as used."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, key: str, entry: CacheEntry) -> bool:
        """Keep the entry in place of an older one, a master also in place of the forms of other takes.

        Return False when it alone is too large, or, with `keeps_masters`, when it is a form of another take.
        """
        sound, created = sound_of(key), entry.clip.info.created
        with self._lock:
            if not is_form(key):
                for form in list(self._forms.get(sound, ())):
                    if self._entries[form].clip.info.created != created:
                        self._forget(form)
            elif self._keeps_masters:
                master = self._entries.get(sound)
                if master is None or master.clip.info.created != created:
                    return False
            self._forget(key)
            # Count the base64 too: an envelope more than doubles the memory of a clip.
            if entry.clip.footprint > self.max_bytes:
                return False
            self._entries[key] = entry
            if is_form(key):
                self._forms.setdefault(sound, set()).add(key)
            self.bytes += entry.clip.footprint
            while self.bytes > self.max_bytes:
                oldest = next(iter(self._entries))
                self._forget(next(filter(is_form, self._entries), oldest) if self._keeps_masters else oldest)
        return True

    def drop(self, key: str) -> None:
        """Remove the entry of the key, if there is one."""
        with self._lock:
            self._forget(key)

    def clips(self) -> dict[str, Clip]:
        """Return all clips by key, in a new dict."""
        with self._lock:
            return {key: entry.clip for key, entry in self._entries.items()}

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.bytes -= entry.clip.footprint
        if is_form(key):
            forms = self._forms[sound_of(key)]
            forms.discard(key)
            if not forms:
                del self._forms[sound_of(key)]
