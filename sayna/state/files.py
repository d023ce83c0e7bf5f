"""Private folders and files, and locks on them."""

import errno
import fcntl
import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal

# What GET /ready says of each thing that work depends on.
Check = Literal["ok", "warn", "failed", "off"]

# flock(2) has no timeout, so a caller with a time limit must poll.
POLL_SECONDS = 0.005

# Without it, the slower of two threads would close its descriptor after SQLite took its locks.
_creating = threading.Lock()


def private_folder(path: Path) -> Path:
    """Return the folder, made with mode 0700 when missing; raises PermissionError unless it is usable."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path costs twice as much, and this is every miss
    except FileNotFoundError:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    # Another user's folder could hold planted rows and links.
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if check_folder(found) == "failed":
        raise PermissionError(
            f"{path} is not private: other users own it or may write to it; chown it to this user and chmod 700 it"
        )
    return path


def check_folder(found: os.stat_result) -> Check:
    """Return whether private files may lie in a folder: `ok`, `warn` or `failed`.

    The owner is this user or root. Where the group may write, this process must be one of its members, as
    with an fsGroup of Kubernetes or a umask of 002: `warn`, because each member could replace the files.
    """
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & stat.S_IWOTH:
        return "failed"
    if not found.st_mode & stat.S_IWGRP:
        return "ok"
    return "warn" if _is_own_group(found) else "failed"


def is_readable_by_others(found: os.stat_result) -> bool:
    """Return whether users can read a file who are neither its owner nor in a group of this process."""
    return bool(found.st_mode & (0o007 if _is_own_group(found) else 0o077))


def _is_own_group(found: os.stat_result) -> bool:
    return found.st_gid == os.getegid() or found.st_gid in os.getgroups()


def mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return a value that changes whenever the file changes; None without a file."""
    try:
        return mark_in(os.stat(path))  # noqa: PTH116 - on every request, and twice as fast
    except OSError:
        return None


def mark_in(found: os.stat_result) -> tuple[int, int, int]:
    """Return the mark of a file whose status was read already."""
    return found.st_ino, found.st_mtime_ns, found.st_size


def open_private(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Return a descriptor of the file, created with mode 0600 when missing; never through a symlink."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def create_private(path: Path) -> None:
    """Create the file with mode 0600 when missing; never open an existing file.

    Closing a descriptor of a file drops all POSIX locks that the process has on it. A second descriptor of
    a SQLite database therefore breaks it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with _creating:
        if not path.exists():
            os.close(open_private(path))


def replace_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 in one step, in place of an older one; raises OSError."""
    # A random name, because two writers of one temporary file would mix their bytes.
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # Otherwise a power cut could leave an empty file under the new name.
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def lock(descriptor: int, operation: int = fcntl.LOCK_EX) -> bool:
    """Return whether the file could be locked at once; the lock ends with its last descriptor."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_same(descriptor: int, path: Path) -> bool:
    """Return whether the open file is still the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def exclusive(path: Path, seconds: float, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock file against every thread and process; raises TimeoutError after `seconds`."""
    descriptor = open_private(path)
    limit = time.monotonic() + seconds
    try:
        # A new descriptor each time, so that flock also holds off other threads of this process.
        while not lock(descriptor, operation):
            if time.monotonic() > limit:
                raise TimeoutError(f"{path} is locked by another process")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


# Holds the lock file against exclusive holders only.
shared = partial(exclusive, operation=fcntl.LOCK_SH)
