"""Where one vendor's last good list is kept: in a file that all workers share, else in memory."""

import contextlib
import dataclasses
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.providers.base import Voice
from sayna.state.files import exclusive, open_private, private_folder

FORMAT = 1

log = logging.getLogger("sayna.voices")
_Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class VoiceList:
    """A vendor's list and the moment, in seconds since 1970, when it was given."""

    voices: tuple[Voice, ...]
    at: float

    def age(self) -> float:
        """Return the seconds since then; less than none when the clock was set back."""
        return time.time() - self.at


class VoiceListStore:
    """The last good list of one vendor; `account` tells whose it is, so that a new key sees no old list."""

    def __init__(self, file: Path | None, account: str = "") -> None:
        self._file = file
        self._account = account
        self._held: tuple[_Mark | None, VoiceList | None] = (None, None)
        self._rate_limited_log = RateLimitedLogger(log)

    def read(self) -> VoiceList | None:
        """Return the list; costs one look at the file unless that has changed."""
        mark, listed = self._held
        # Another worker may have renewed it.
        if self._file is not None and (found := _mark_of(self._file)) not in (None, mark):
            listed = self._load(self._file) or listed
            self._held = found, listed
        return listed

    def write(self, listed: VoiceList) -> None:
        """Keep a list for all workers; when the disk fails, for this one."""
        if self._file is not None:
            try:
                self._store(self._file, listed)
            except OSError as error:
                self._rate_limited_log.warn("a list of voices cannot be kept: %r", error)
            self._held = _mark_of(self._file), listed
        else:
            self._held = None, listed

    @contextlib.contextmanager
    def lead(self, seconds: float) -> Iterator[None]:
        """Hold every other worker off asking the vendor; raises TimeoutError when one does for so long."""
        with contextlib.ExitStack() as held:
            if self._file is not None:
                try:
                    private_folder(self._file.parent)
                    held.enter_context(exclusive(self._file.with_suffix(".lock"), seconds))
                except TimeoutError:
                    raise
                except OSError as error:
                    self._rate_limited_log.warn("lists of voices cannot be shared: %r", error)
            yield

    def _load(self, file: Path) -> VoiceList | None:
        try:
            with os.fdopen(open_private(file, os.O_RDONLY), "rb") as opened:
                kept = json.load(opened)
            # A new key must not show the cloned voices of the old one's account.
            if (kept["format"], kept["account"]) != (FORMAT, self._account):
                return None
            return VoiceList(tuple(_voice(item) for item in kept["voices"]), float(kept["at"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._rate_limited_log.warn("a kept list of voices cannot be read: %r", error)
            return None

    def _store(self, file: Path, listed: VoiceList) -> None:
        kept = {
            "format": FORMAT,
            "account": self._account,
            "at": listed.at,
            "voices": [dataclasses.asdict(voice) for voice in listed.voices],
        }
        private_folder(file.parent)
        # By process: without the lock, on a disk that cannot lock, two may write at once.
        fresh = file.with_suffix(f".{os.getpid()}")
        try:
            with os.fdopen(open_private(fresh), "w", encoding="utf-8") as opened:
                opened.truncate()
                json.dump(kept, opened)
                opened.flush()
            fresh.replace(file)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise


def _mark_of(file: Path) -> _Mark | None:
    """Return what changes when a file does, None without one."""
    try:
        found = os.stat(file)  # noqa: PTH116 - on every request, and twice as fast
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _voice(item: dict[str, object]) -> Voice:
    return Voice(**{name: tuple(value) if isinstance(value, list) else value for name, value in item.items()})  # type: ignore[arg-type]
