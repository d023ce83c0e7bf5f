"""What other machines cleared or replaced is removed from the cache of this machine, within a second."""

import logging
import threading
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.speech.cache.audio_cache import AudioCache
from sayna.speech.cache.sqlite_errors import FAULTS
from sayna.state.speech_ports import SharedClips

PAUSE_SECONDS = 1.0
POSITION_FILE = "clip-changes"

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
                    self._cache.forget(change)
                if following != position:
                    position = following
                    self._write(position)
            except StoreUnavailable:
                stop.wait(PAUSE_SECONDS)
            except FAULTS as error:
                rate_limited_log.warn("clips that were replaced cannot be removed: %r", error)
                stop.wait(PAUSE_SECONDS)

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
