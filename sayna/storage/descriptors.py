"""Regular files opened by descriptor, and errors of the system translated into those of the stores."""

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

from sayna.log import emit
from sayna.storage import ObjectInfo, StorageUnavailable

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NOFOLLOW gives ELOOP for a link; sockets give ENXIO and devices ENODEV (open(2)).
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})

logger = logging.getLogger("sayna.recordings")


def open_file(name: str, folder: int | None, flags: int = FILE) -> int | None:
    """Return a descriptor of a regular file, or None for anything else; raises OSError."""
    descriptor = None if folder is None else open_existing(name, flags, folder)
    if descriptor is not None and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor


def open_existing(name: str, flags: int, folder: int) -> int | None:
    """Return a descriptor, or None when there is nothing of that kind; raises OSError."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def describe(status: os.stat_result) -> ObjectInfo:
    """Return size, ETag and time of a file."""
    # Every replacement or change of the file changes one of the three.
    etag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    return ObjectInfo(status.st_size, etag, datetime.fromtimestamp(status.st_mtime_ns // 10**9, UTC))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn an OSError into StorageUnavailable, and log it."""
    try:
        yield
    except OSError as error:
        fault = errno.errorcode.get(error.errno or 0)
        emit(logger, logging.WARNING, "store_failed", backend="local", fault=fault)
        raise StorageUnavailable("the storage of recordings cannot be used right now") from error
