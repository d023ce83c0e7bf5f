"""The embedded Lock: files in one folder, locked by flock."""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.state.files import exclusive, private_folder

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.state"))


class FileLocks:
    """Locks `folder`/`prefix`-XX.lock: 256 files, because one for each name would fill the folder."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix

    @contextlib.contextmanager
    def hold(self, name: str, seconds: float) -> Iterator[None]:
        """Hold the lock `name`; raises TimeoutError after `seconds`, StoreUnavailable without a folder."""
        stripe = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:2]
        with contextlib.ExitStack() as held:
            try:
                file = private_folder(self._folder) / f"{self._prefix}-{stripe}.lock"
                held.enter_context(exclusive(file, seconds))
            except TimeoutError:
                raise
            except OSError as error:
                rate_limited_log.warn("%s locks cannot be used: %s", self._prefix, error)
                raise StoreUnavailable("the server cannot lock this now; try again", retry_after=1) from error
            yield
