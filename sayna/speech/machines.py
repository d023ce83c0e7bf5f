"""What the machines of a server share of speech: who synthesizes, and the clips behind the cache of each machine."""

import hmac
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from sayna.config import Config
from sayna.errors import SaynaError, StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.speech.cache import AudioCache, Clip
from sayna.speech.cache.clip import ClipInfo, decode, encode
from sayna.speech.cache.sqlite_errors import FAULTS
from sayna.speech.cache.stats import VerifyReport
from sayna.speech.object_clips import ObjectClips
from sayna.speech.plan import Plan
from sayna.state.blobs import FileBlobStore
from sayna.state.embedded import SharedState
from sayna.state.leader import LeaderThread
from sayna.state.ports import Leader
from sayna.state.speech_ports import Broadcasts, ClipChange, ClipChanges, ClipStore
from sayna.storage import open_store

PAUSE_SECONDS = 1.0
POSITION_FILE = "clip-changes"
SEAL_BYTES = 32
EXPIRED = ClipInfo("", "", "", "", "", 0, 1, 0, 0, 1.0, created=0.0)

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.cache"))


@dataclass(frozen=True, slots=True)
class Machines:
    """The machines as one of them sees them; `cache` is its own. A clip in `store` counts for `ttl_seconds`.

    A seal under `secret` keeps audio out that another program has put into the store.
    """

    broadcasts: Broadcasts
    changes: ClipChanges
    store: ClipStore
    cache: AudioCache
    secret: bytes
    ttl_seconds: float

    def fetch(self, plan: Plan) -> Clip | None:
        """Return the clip of the sound of a plan that a machine has stored, and keep it here; raises nothing."""
        with suppress(SaynaError):
            if sealed := self.store.get(self.store.name(plan.sound, plan.provider.slug, plan.voice_id)):
                clip = self._opened(plan.sound, sealed)
                if clip is not None and clip.info.created + self.ttl_seconds > time.time():
                    self.cache.put(plan.sound, clip)
                    return clip
        return None

    def put(self, sound: str, clip: Clip, *, replaces: bool) -> bool:
        """Give a clip to the other machines, and return whether it is stored; raises nothing.

        With `replaces`, the others remove their copies of the sound.
        """
        info, is_stored = clip.info, False
        with suppress(SaynaError):
            blob, name = encode(sound, clip), self.store.name(sound, info.provider, info.voice_id)
            is_stored = self.store.put(name, self._seal(sound, blob) + blob, info.provider, info.voice_id)
            if replaces and not is_stored:
                self.store.delete(name)
        if replaces:
            with suppress(SaynaError):
                self.changes.tell(ClipChange(info.provider, info.voice_id, sound))
        return is_stored

    def clear(self, provider: str | None, voice: str | None) -> int:
        """Remove the clips of a provider, a voice, both, or all, and return their number; raises SaynaError."""
        clips = list(self.store.walk(provider, voice))
        for clip in clips:
            self.store.delete(clip.name)
        self.changes.tell(ClipChange(provider, voice))
        return len(clips)

    def clips_besides(self, sounds: Collection[str]) -> Iterator[tuple[str, Clip]]:
        """Yield the other shared clips, each with the key of its sound; raises SaynaError."""
        for each in self.store.walk(None, None):
            sealed = None if each.sound in sounds else self.store.get(each.name)
            if sealed and (clip := self._opened(each.sound, sealed)):
                yield each.sound, clip

    def remove(self, sounds: Collection[str]) -> None:
        """Remove the clips of sounds; raises SaynaError."""
        for clip in self.store.walk(None, None):
            if clip.sound in sounds:
                self.store.delete(clip.name)
        for sound in sounds:
            self.changes.tell(ClipChange(sound=sound))

    def stats(self) -> tuple[Counter[str], int]:
        """Return the number of shared clips of each provider, and the bytes of all; raises SaynaError."""
        providers: Counter[str] = Counter()
        size = 0
        for clip in self.store.walk(None, None):
            providers[clip.provider] += 1
            size += clip.size
        return providers, size

    def verify(self, progress: Callable[[int, int], None]) -> VerifyReport:
        """Read every shared clip and remove the damaged ones, as AudioCache.verify does; raises SaynaError."""
        clips, damaged = list(self.store.walk(None, None)), 0
        for checked, clip in enumerate(clips, 1):
            sealed = self.store.get(clip.name)
            if sealed is not None and self._opened(clip.sound, sealed) is None:
                self.store.delete(clip.name)
                damaged += 1
            progress(checked, len(clips))
        return VerifyReport(len(clips), damaged)

    def follow(self, stop: threading.Event) -> None:
        """Remove what the others removed or replaced from the cache of this machine, until `stop` is set."""
        # The file keeps the position while no worker runs.
        file = FileBlobStore(self.cache.folder) if self.cache.folder else None
        position = (file.read(POSITION_FILE) or b"").decode("ascii", "replace") if file else ""
        while not stop.is_set():
            try:
                changes, following = self.changes.since(position)
                for change in changes:
                    self._apply(change)
                if file and following != position:
                    file.change(POSITION_FILE, lambda _, text=following: text.encode())  # type: ignore[misc]
                position = following
            except StoreUnavailable:
                stop.wait(PAUSE_SECONDS)
            except FAULTS as error:
                rate_limited_log.warn("clips that were replaced cannot be removed: %r", error)
                stop.wait(PAUSE_SECONDS)

    def _apply(self, change: ClipChange) -> None:
        if change.sound is None:
            self.cache.clear(change.provider, change.voice)
        else:
            # An expired clip in its place also removes the forms and the copies in the memory of the workers.
            info = replace(EXPIRED, provider=change.provider or "", voice_id=change.voice or "")
            self.cache.put(change.sound, Clip(info, b""))

    def _opened(self, sound: str, sealed: bytes) -> Clip | None:
        seal, blob = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        return decode(sound, blob) if hmac.compare_digest(seal, self._seal(sound, blob)) else None

    def _seal(self, sound: str, blob: bytes) -> bytes:
        key = hmac.digest(self.secret, b"shared clips", "sha256")
        return hmac.digest(key, sound.encode() + b":" + blob, "sha256")


def open_machines(config: Config, state: SharedState, cache: AudioCache, secret: bytes) -> Machines | None:
    """Return what this machine shares with the others, None for the only one; nothing connects yet."""
    if state.broadcasts is None or state.clips is None or state.clip_changes is None:
        return None
    clips, fleet = state.clips, config.fleet
    # Little time and one retry only, because a miss waits for the answer.
    if fleet.clips_store == "recordings" and (store := open_store(config.recording, attempts=2, seconds=1.5)):
        clips = ObjectClips(store, fleet.clips_prefix)
    return Machines(state.broadcasts, state.clip_changes, clips, cache, secret, config.cache.ttl_seconds)


def clip_threads(machines: Machines | None, state: SharedState) -> tuple[LeaderThread, ...]:
    """Return the thread that follows the others: one of a machine, or one of each worker that has only memory."""
    if machines is None:
        return ()
    leader = state.machine_leader if machines.cache.folder else _EachWorker()
    return (LeaderThread(leader, "clip-changes", machines.follow),)


class _EachWorker(Leader):
    """A Leader that elects every worker."""

    @contextmanager
    def term(self, job: str, stop: threading.Event) -> Iterator[threading.Event | None]:
        yield stop
