"""Recordings in a folder of this machine.

Every step below the root is taken by descriptor and never through a symbolic link, so that nothing planted in
the folder leads out of it; only regular files count, and opening one never waits for a FIFO's writer.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from sayna.recordings.base import STREAM_ID, ByteRange, ObjectInfo, ObjectStream, ObjectSummary, Store
from sayna.recordings.errors import RecordingStorageUnavailable
from sayna.recordings.files import FILE, FOLDER, attempt, describe, open_file, translated
from sayna.state.files import lock


class Local(Store):
    """A folder that LiveKit's egress writes to and we read from; `prefix` below it is the operator's too."""

    def __init__(self, root: Path, prefix: str) -> None:
        self._root = root
        self._prefix = prefix

    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of a regular file."""
        with translated(), self._folder(key) as (folder, name):
            descriptor = open_file(name, folder)
            if descriptor is None:
                return None
            try:
                return describe(os.fstat(descriptor))
            finally:
                os.close(descriptor)

    def open(self, key: str, span: ByteRange | None = None, found: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an open file; its end is only handed out when the file is still what it was at the start."""
        with translated(), self._folder(key) as (folder, name):
            descriptor = open_file(name, folder)
        if descriptor is None:
            return None
        reader = _Reader(descriptor, span)
        if found and found.etag != reader.found.etag:
            reader.close()
            raise RecordingStorageUnavailable("the recording is changing; ask again", retry_after=1)
        return ObjectStream(reader.found, reader.span, reader.read, reader.close)

    def write(self, key: str, content: bytes, *, fresh: bool, over: ObjectInfo | None = None) -> bool:
        """Write beside the file and put it in place whole: by link where it must be new, else by rename."""
        if over is not None:
            with self._still(key, over) as found:
                return found and self.write(key, content, fresh=False)
        with translated(), self._folder(key, make=True) as (folder, name):
            draft = f".{name}.{secrets.token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(draft, flags, 0o640, dir_fd=folder), "wb") as file:
                    file.write(content)
                    file.flush()
                    # Else a power cut may leave the new name with nothing in it.
                    os.fsync(file.fileno())
                if not fresh:
                    os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                    return True
                # link(2) fails where the name is taken; rename(2) would replace it.
                os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError:
                return False
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)
            return True

    def delete(self, key: str) -> None:
        """Remove a file; its folder stays, for LiveKit may be about to write there."""
        with translated(), self._folder(key) as (folder, name), contextlib.suppress(FileNotFoundError):
            if folder is not None:
                os.unlink(name, dir_fd=folder)

    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return the files two levels deep; the whole folder is read and sorted for every page."""
        listed: list[ObjectSummary] = []
        with translated():
            names = filter(STREAM_ID.fullmatch, (entry.name for entry in self._base().iterdir()))
            for folder in sorted(f"{prefix}{name}/" for name in names):
                if folder + "\U0010ffff" <= after:
                    continue
                listed += [entry for entry in self._within(folder) if entry.key > after]
                if len(listed) > limit:
                    return listed[:limit], True
        return listed, False

    def _within(self, folder: str) -> Iterator[ObjectSummary]:
        with self._folder(folder + "-") as (descriptor, _):
            for name in sorted(os.listdir(descriptor)) if descriptor is not None else ():  # noqa: PTH208
                with contextlib.suppress(FileNotFoundError):
                    seen = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    if stat.S_ISREG(seen.st_mode):
                        found = describe(seen)
                        yield ObjectSummary(folder + name, found.size, found.etag, found.modified)

    @contextlib.contextmanager
    def _still(self, key: str, over: ObjectInfo) -> Iterator[bool]:
        """Tell whether a file is still that one; of those who ask at once, only one is told so."""
        with translated(), self._folder(key) as (folder, name):
            # Writable, because NFS gives an exclusive flock to nobody else.
            descriptor = open_file(name, folder, FILE | os.O_RDWR)
        if descriptor is None:
            yield False
            return
        try:
            with translated():
                held = lock(descriptor)
            # By name, after the lock: who held it before has put another file in its place.
            yield held and self.find(key) == over
        finally:
            os.close(descriptor)

    def _base(self) -> Path:
        return self._root / self._prefix

    @contextlib.contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int | None, str]]:
        """Give the descriptor of the folder of a key, None when it is absent, and the name of its file."""
        folder, name = key.removeprefix(f"{self._prefix}/" if self._prefix else "").split("/")
        # The operator may well have made this one a link; below it, LiveKit and others write.
        base = os.open(self._base(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=base)
            inner = attempt(folder, FOLDER, base)
        finally:
            os.close(base)
        try:
            yield inner, name
        finally:
            if inner is not None:
                os.close(inner)


class _Reader:
    """An open file that notices when it is changed while it is being read."""

    def __init__(self, descriptor: int, span: ByteRange | None) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self.found = describe(os.fstat(descriptor))
        self.span = span or ByteRange(0, self.found.size)
        self._left = self.span.length
        self._file.seek(self.span.start)

    def read(self, size: int) -> bytes:
        """Return the next bytes; the last of them only when the file is still the same."""
        with translated():
            piece = self._file.read(size)
            self._left -= len(piece)
            if self._left <= 0 and describe(os.fstat(self._file.fileno())) != self.found:
                raise RecordingStorageUnavailable("the recording was changed while it was read")
            return piece

    def close(self) -> None:
        """Free the descriptor."""
        self._file.close()
