"""What other machines cleared or replaced is removed from the cache of this machine, within a second."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.speech.cache.audio_cache import AudioCache
from sayna.speech.cache.clip import Clip, ClipInfo
from sayna.speech.cache.sqlite_errors import FAULTS
from sayna.state.embedded import SharedState
from sayna.state.leader import EachWorker, LeaderThread
from sayna.state.speech_ports import ClipChange, SharedClips

PAUSE_SECONDS = 1.0
POSITION_FILE = "clip-changes"

EXPIRED = ClipInfo("", "", "", "", "", 0, 1, 0, 0, 1.0, created=0.0)

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.cache"))


class ClipChanges:
    """Applies the changes of other machines; `folder` keeps the position while no worker runs."""

    def __init__(self, cache: AudioCache, clips: SharedClips, folder: Path | None) -> None:
        self._cache = cache
        self._clips = clips
        self._file = folder / POSITION_FILE if folder else None

    def run(self, stop: threading.Event) -> None:
        """Apply changes until `stop` is set."""
        position = self._read()
        while not stop.is_set():
            try:
                changes, following = self._clips.changes(position)
                for change in changes:
                    self._apply(change)
                if following != position:
                    position = following
                    self._write(position)
            except StoreUnavailable:
                stop.wait(PAUSE_SECONDS)
            except FAULTS as error:
                rate_limited_log.warn("clips that were replaced cannot be removed: %r", error)
                stop.wait(PAUSE_SECONDS)

    def _apply(self, change: ClipChange) -> None:
        if change.sound is None:
            self._cache.clear(change.provider, change.voice)
        else:
            # An expired clip in its place also removes the forms and the copies in the memory of the workers.
            info = replace(EXPIRED, provider=change.provider or "", voice_id=change.voice or "")
            self._cache.put(change.sound, Clip(info, b""))

    def _read(self) -> str:
        try:
            return self._file.read_text("ascii").strip() if self._file else ""
        except (FileNotFoundError, UnicodeError):
            return ""

    def _write(self, position: str) -> None:
        if self._file is not None:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(position, "ascii")
            fresh.replace(self._file)


def changes_threads(cache: AudioCache, state: SharedState) -> tuple[LeaderThread, ...]:
    """Return the thread that applies changes: one of a machine, or one of each worker whose clips are in its memory."""
    if state.clips is None:
        return ()
    leader = state.machine_leader if cache.folder else EachWorker()
    return (LeaderThread(leader, "clip-changes", ClipChanges(cache, state.clips, cache.folder).run),)
