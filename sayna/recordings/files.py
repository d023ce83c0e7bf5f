"""Regular files taken by descriptor, and what the system says of them in the words of the stores."""

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

from sayna.log import emit
from sayna.recordings.base import ObjectInfo
from sayna.recordings.errors import RecordingStorageUnavailable

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
# ELOOP is what O_NOFOLLOW says of a link, ENXIO and ENODEV are what sockets and devices say (open(2)).
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})

logger = logging.getLogger("sayna.recordings")


def open_file(name: str, folder: int | None, flags: int = FILE) -> int | None:
    """Return a descriptor of a regular file, or None for anything else."""
    descriptor = None if folder is None else attempt(name, flags, folder)
    if descriptor is not None and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor


def attempt(name: str, flags: int, folder: int) -> int | None:
    """Return a descriptor, or None where there is nothing of that kind; raises OSError."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def describe(seen: os.stat_result) -> ObjectInfo:
    """Return size, ETag and time of a file."""
    # Whatever replaces or changes the file changes one of the three.
    etag = f'"{seen.st_ino:x}-{seen.st_size:x}-{seen.st_mtime_ns:x}"'
    return ObjectInfo(seen.st_size, etag, datetime.fromtimestamp(seen.st_mtime_ns // 10**9, UTC))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what the system says as RecordingStorageUnavailable, and log it."""
    try:
        yield
    except OSError as error:
        fault = errno.errorcode.get(error.errno or 0)
        emit(logger, logging.WARNING, "store_failed", backend="local", fault=fault)
        raise RecordingStorageUnavailable("the storage of recordings cannot be used right now") from error
