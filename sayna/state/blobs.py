"""The embedded BlobStore: one private file a value."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.state.files import exclusive, private_folder, replace_private
from sayna.state.ports import BlobStore


class FileBlobStore(BlobStore):
    """Values as files in `folder`, each replaced in one step under a lock."""

    def __init__(self, folder: Path, *, wait_seconds: float = 5.0) -> None:
        self._folder = folder
        self._wait_seconds = wait_seconds

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def change(self, name: str, change: Callable[[bytes | None], bytes | None]) -> None:
        lock = private_folder(self._folder) / f"{Path(name).stem}.lock"
        with contextlib.ExitStack() as held:
            # Around the lock alone: a disk on the network has time-outs of its own.
            try:
                held.enter_context(exclusive(lock, self._wait_seconds))
            except TimeoutError as error:
                raise StoreUnavailable("another request is changing this; try again", retry_after=1) from error
            if (value := change(self.read(name))) is not None:
                replace_private(self._folder / name, value)
