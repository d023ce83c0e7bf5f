"""Hooks on disk: the reference's `sip_hooks.json`, one truth for all workers and across restarts."""

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.sip.errors import HooksNotStored
from sayna.state.files import exclusive, private_folder

WAIT_SECONDS = 5.0

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.sip"))


@dataclass(frozen=True, slots=True)
class StoredHook:
    """A hook as it is written; an empty `auth_id` is nobody's."""

    host: str
    url: str
    auth_id: str

    @property
    def owner(self) -> str | None:
        """The tenant that it belongs to, if any."""
        return self.auth_id or None


Stored = dict[str, StoredHook]


class HookFile:
    """Reads and changes the file; what a change cannot read it does not replace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "sip_hooks.json"
        self._good: tuple[object, Stored] = (None, {})

    def read(self) -> Stored:
        """Return the hooks, or the last ones that could be read when the file is damaged."""
        try:
            return self._load()
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            rate_limited_log.warn("sip_hooks.json cannot be read, the last hooks known stay in use: %r", error)
            return self._good[1]

    def change(self, change: Callable[[Stored], Stored]) -> None:
        """Replace the file in one step, against all workers, unless nothing changes.

        Raises HooksNotStored, StoreUnavailable.
        """
        try:
            with exclusive(private_folder(self._folder) / "sip_hooks.lock", WAIT_SECONDS):
                stored = self._unharmed()
                if (changed := change(stored)) != stored:
                    self._replace(changed)
        except TimeoutError as error:
            raise StoreUnavailable("hooks are being changed by others; try again", retry_after=1) from error
        except OSError as error:
            rate_limited_log.warn("hooks cannot be stored: %s", error)
            raise HooksNotStored("hooks cannot be stored now; nothing was changed") from error

    def _unharmed(self) -> Stored:
        try:
            return self._load()
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            stamp = self._file.stat().st_mtime_ns
            aside = self._file.with_name(f"sip_hooks.json.corrupt-{stamp}")
            if not aside.exists():
                shutil.copy2(self._file, aside)
            rate_limited_log.warn("sip_hooks.json is damaged; a copy is kept as %s", aside.name)
            # The reference takes a file that it cannot read for an empty one, and loses everybody's hooks by
            # the next write.
            raise HooksNotStored("the stored hooks are damaged; an operator must look at them") from error

    def _load(self) -> Stored:
        try:
            with self._file.open("rb") as file:
                found = os.fstat(file.fileno())
                # The inode too: two changes may fall into one tick of the file system's clock.
                version = (found.st_ino, found.st_mtime_ns, found.st_size)
                if self._good[0] != version:
                    self._good = (version, _parsed(file.read()))
        except FileNotFoundError:
            self._good = (None, {})
        return self._good[1]

    def _replace(self, hooks: Stored) -> None:
        text = json.dumps([asdict(hook) for _, hook in sorted(hooks.items())], indent=2) + "\n"
        # A name of its own: in the reference two writers shared one, and mixed.
        descriptor, name = tempfile.mkstemp(prefix="sip_hooks.", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                # Else a power cut may leave the new name with nothing in it.
                os.fsync(file.fileno())
            Path(name).replace(self._file)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise


def _parsed(raw: bytes) -> Stored:
    """Return the hooks; the reference leaves an auth_id out where it means `default`."""
    entries = json.loads(raw) if raw.strip() else []
    if type(entries) is not list:
        raise TypeError("the hooks are not a list")
    hooks = [StoredHook(each["host"], each["url"], each.get("auth_id", "default")) for each in entries]
    if not all(type(value) is str for hook in hooks for value in asdict(hook).values()):
        raise TypeError("a hook has a value that is not text")
    return {hook.host: hook for hook in hooks}
