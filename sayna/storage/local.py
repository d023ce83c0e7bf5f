"""Objects in a folder of this machine.

Every folder and file below the root is opened by descriptor and never through a symbolic link, so that no link
planted in the folder leads out of it. Only regular files count, and opening one never waits for a FIFO's writer.
"""

import contextlib
import errno
import logging
import os
import secrets
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sayna.log import emit
from sayna.state.files import lock
from sayna.storage import (
    KEY_PART,
    ByteRange,
    ObjectInfo,
    ObjectStream,
    ObjectSummary,
    StorageUnavailable,
    Store,
    StoreCheck,
)
from sayna.storage.shared_folder import check_folder, make_shared

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NOFOLLOW gives ELOOP for a link; sockets give ENXIO and devices ENODEV (open(2)).
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})

logger = logging.getLogger("sayna.recordings")


class LocalStore(Store):
    """A folder that LiveKit's egress writes to; the operator makes the root and `prefix` below it.

    The operator opens the base to the egress, and each folder below gets the base's group and mode.
    """

    has_files = True

    def __init__(self, root: Path, prefix: str) -> None:
        self._root = root
        self._prefix = prefix

    def check(self) -> StoreCheck:
        """Return whether Sayna and an egress of another user can use the folder."""
        return check_folder(self._base())

    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of a regular file."""
        if stream := self.open(key):
            stream.close()
        return stream.info if stream else None

    def open(self, key: str, span: ByteRange | None = None, info: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an open file; reading its last bytes raises StorageUnavailable when it has changed since."""
        with _translated(), self._folder(key) as (folder, name):
            descriptor = _open_file(name, folder)
        if descriptor is None:
            return None
        file = os.fdopen(descriptor, "rb", buffering=0)
        found = _describe(os.fstat(descriptor))
        if info and info.etag != found.etag:
            file.close()
            raise StorageUnavailable("the recording is changing; ask again", retry_after=1)
        span = span or ByteRange(0, found.size)
        file.seek(span.start)

        def read(size: int) -> bytes:
            with _translated():
                chunk = file.read(size)
                if file.tell() >= span.start + span.length and _describe(os.fstat(descriptor)) != found:
                    raise StorageUnavailable("the recording was changed while it was read")
                return chunk

        return ObjectStream(found, span, read, file.close)

    def write(self, key: str, content: bytes, *, if_absent: bool = False, replacing: ObjectInfo | None = None) -> bool:
        """Write a draft beside the file and move it into place: by link for a new file, otherwise by rename."""
        if replacing is not None:
            return self._replace(key, content, replacing)
        with _translated(), self._folder(key, make=True) as (folder, name):
            draft = f".{name}.{secrets.token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(draft, flags, 0o640, dir_fd=folder), "wb") as file:
                    file.write(content)
                    file.flush()
                    # Otherwise a power cut could leave an empty file under the new name.
                    os.fsync(file.fileno())
                if not if_absent:
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
        """Remove a file, and its folder when that is empty."""
        with _translated(), self._folder(key) as (folder, name), contextlib.suppress(FileNotFoundError):
            if folder is not None:
                os.unlink(name, dir_fd=folder)
        with contextlib.suppress(OSError):
            (self._root / key).parent.rmdir()

    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return the files two levels deep; each page reads and sorts the names of the whole folder."""
        listed: list[ObjectSummary] = []
        with _translated():
            names = filter(KEY_PART.fullmatch, (entry.name for entry in self._base().iterdir()))
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
                    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        info = _describe(status)
                        yield ObjectSummary(folder + name, info.size, info.etag, info.modified)

    def _replace(self, key: str, content: bytes, expected: ObjectInfo) -> bool:
        """Write over a file unless it has changed; of concurrent writers, only one gets True."""
        with _translated(), self._folder(key) as (folder, name):
            # Opened for writing, because NFS gives an exclusive flock only on such a descriptor.
            descriptor = _open_file(name, folder, FILE | os.O_RDWR)
        if descriptor is None:
            return False
        try:
            with _translated():
                held = lock(descriptor)
            # Find it by name after locking: the previous holder may have put another file in its place.
            return held and self.find(key) == expected and self.write(key, content)
        finally:
            os.close(descriptor)

    def _base(self) -> Path:
        return self._root / self._prefix

    @contextlib.contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int | None, str]]:
        """Yield the descriptor of the folder of a key, None when it is absent, and the name of its file."""
        folder, name = key.removeprefix(f"{self._prefix}/" if self._prefix else "").split("/")
        # The operator may have made the base a link. Below it, other programs write, so links are refused.
        base = os.open(self._base(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if make:
                make_shared(folder, base)
            inner = _open_existing(folder, FOLDER, base)
            if make and inner is None:
                # A link or a file has its name, or another worker has just removed it.
                raise FileNotFoundError(errno.ENOENT, "no folder for this recording")
        finally:
            os.close(base)
        try:
            yield inner, name
        finally:
            if inner is not None:
                os.close(inner)


def _open_file(name: str, folder: int | None, flags: int = FILE) -> int | None:
    """Return a descriptor of a regular file, or None for anything else; raises OSError."""
    descriptor = None if folder is None else _open_existing(name, flags, folder)
    if descriptor is not None and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor


def _open_existing(name: str, flags: int, folder: int) -> int | None:
    """Return a descriptor, or None when there is nothing of that kind; raises OSError."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _describe(status: os.stat_result) -> ObjectInfo:
    """Return size, ETag and time of a file."""
    # Every replacement or change of the file changes one of the three.
    etag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    return ObjectInfo(status.st_size, etag, datetime.fromtimestamp(status.st_mtime_ns // 10**9, UTC))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn an OSError into StorageUnavailable, and log it."""
    try:
        yield
    except OSError as error:
        fault = errno.errorcode.get(error.errno or 0)
        emit(logger, logging.WARNING, "store_failed", backend="local", fault=fault)
        raise StorageUnavailable("the storage of recordings cannot be used right now") from error
