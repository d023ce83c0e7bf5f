"""The last good list of one provider, in a file that all workers share, or in memory."""

import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.providers.base import Voice
from sayna.state.files import exclusive, mark_of, open_private, private_folder, replace_private

# 2: accents in one vocabulary.
FORMAT = 2


@dataclass(frozen=True, slots=True, eq=False)
class VoiceList:
    """A provider's list and the time when it was fetched, in epoch seconds."""

    voices: tuple[Voice, ...]
    at: float


class VoiceListStore:
    """The last good list of one provider; a list that was stored under another `account` is ignored."""

    def __init__(self, file: Path | None, account: str = "") -> None:
        self._file = file
        self._account = account
        self._kept: tuple[tuple[int, int, int] | None, VoiceList | None] = (None, None)
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.voices"))

    def read(self) -> VoiceList | None:
        """Return the list; it costs one stat of the file unless the file has changed."""
        mark, voice_list = self._kept
        # Another worker may have replaced the file.
        if self._file is not None and (found := mark_of(self._file)) not in (None, mark):
            voice_list = self._load(self._file) or voice_list
            self._kept = found, voice_list
        return voice_list

    def write(self, voice_list: VoiceList) -> None:
        """Store a list for all workers; when the disk fails, for this worker only."""
        mark = None
        if self._file is not None:
            try:
                self._store(self._file, voice_list)
            except OSError as error:
                self._rate_limited_log.warn("a list of voices cannot be kept: %r", error)
            mark = mark_of(self._file)
        self._kept = mark, voice_list

    @contextlib.contextmanager
    def lead(self, seconds: float) -> Iterator[None]:
        """Hold the lock that lets one worker fetch the list; raises TimeoutError when it stays taken for `seconds`."""
        with contextlib.ExitStack() as stack:
            if self._file is not None:
                try:
                    private_folder(self._file.parent)
                    stack.enter_context(exclusive(self._file.with_suffix(".lock"), seconds))
                except TimeoutError:
                    raise
                except OSError as error:
                    self._rate_limited_log.warn("lists of voices cannot be shared: %r", error)
            yield

    def _load(self, file: Path) -> VoiceList | None:
        try:
            with os.fdopen(open_private(file, os.O_RDONLY), "rb") as opened:
                kept = json.load(opened)
            # A caller with a new key must not see the cloned voices of the old account.
            if (kept["format"], kept["account"]) != (FORMAT, self._account):
                return None
            return VoiceList(tuple(_voice(item) for item in kept["voices"]), float(kept["at"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._rate_limited_log.warn("a kept list of voices cannot be read: %r", error)
            return None

    def _store(self, file: Path, voice_list: VoiceList) -> None:
        kept = {
            "format": FORMAT,
            "account": self._account,
            "at": voice_list.at,
            "voices": [dataclasses.asdict(voice) for voice in voice_list.voices],
        }
        private_folder(file.parent)
        replace_private(file, json.dumps(kept).encode())


def _voice(item: dict[str, object]) -> Voice:
    return Voice(**{name: tuple(value) if isinstance(value, list) else value for name, value in item.items()})  # type: ignore[arg-type]
