"""The embedded Lock and Slots: files in one folder, locked by flock."""

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.state.files import exclusive, is_same, lock, open_private, private_folder
from sayna.state.ports import Lock, Slots

POLL_SECONDS = 0.02


class FileLocks(Lock):
    """Locks `folder`/`prefix`-XX.lock: 256 files, because one for each name would fill the folder."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.state"))

    @contextlib.contextmanager
    def hold(self, name: str, seconds: float) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            try:
                file = private_folder(self._folder) / f"{self._prefix}-{digest(name)[:2]}.lock"
                held.enter_context(exclusive(file, seconds))
            except TimeoutError:
                raise
            except OSError as error:
                self._rate_limited_log.warn("%s locks cannot be used: %s", self._prefix, error)
                raise StoreUnavailable("the server cannot lock this now; try again", retry_after=1) from error
            yield


class FileSlots(Slots):
    """Slots as locked files of `folder`; a file exists only while it is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.state"))

    @contextlib.contextmanager
    def hold(self, name: str, limit: int, seconds: float) -> Iterator[None]:
        until = time.monotonic() + seconds
        with contextlib.ExitStack() as held:
            while not self._take(held, name, limit):
                if time.monotonic() >= until:
                    raise TimeoutError(f"all {limit} slots are taken")
                time.sleep(POLL_SECONDS)
            yield

    def _take(self, held: contextlib.ExitStack, name: str, limit: int) -> bool:
        try:
            folder = private_folder(self._folder)
            return any(_lock(held, folder / f"{digest(name)[:32]}-{number}.lock") for number in range(limit))
        except OSError as error:
            self._rate_limited_log.warn("limits of concurrency are off: %s", error)
            return True


def _lock(held: contextlib.ExitStack, path: Path) -> bool:
    """Return whether the file could be locked at once; it is removed when `held` ends."""
    descriptor = open_private(path)
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, descriptor)
        # A holder may have removed the file between the two calls, and another one may have made it again.
        if not lock(descriptor) or not is_same(descriptor, path):
            return False
        opened.callback(path.unlink, missing_ok=True)
        held.push(opened.pop_all())
    return True


def digest(text: str) -> str:
    """Return a name of fixed length for a text of any length."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
