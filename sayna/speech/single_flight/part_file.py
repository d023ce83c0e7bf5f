"""The `<key>.part` file of one rendering: who holds its lock renders, and others read along.

Three locks, which the kernel drops when their holder dies: `flock` elects the leader and lets it remove the
file; a record lock on one byte says that a leader lives, and one on another, shared, that somebody follows.
(`flock` alone cannot say that a leader lives: whoever removes a dead leader's file holds it too.) The record
locks are Linux's kind that belongs to the open file, not to the process: see F_OFD_SETLK in fcntl(2).
"""

import contextlib
import fcntl
import os
import struct
import time
from pathlib import Path

from sayna.state.files import lock, open_private

RETRY_SECONDS = 0.001

# diskcache.Lock was tried: 200 waiters took 360 ms longer and 14 times the CPU, and it outlived
# kill -9 for ever.
_FOLLOWED, _LEADING = 0, 1
_RECORD = struct.Struct("hhqqi0q")


class Part:
    """An open part file; `led` says whether this process holds the leader's lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.is_leader = False
        self._path = path
        self._descriptor = descriptor
        self._offset = 0

    @classmethod
    def open(cls, path: Path) -> "Part":
        """Lead, when nobody does, else follow; raises OSError when the folder cannot be written."""
        while True:
            part = cls(path, open_private(path))
            if part._is_elected() if lock(part._descriptor) else part._is_aboard():
                return part
            part.close()
            time.sleep(RETRY_SECONDS)

    def write(self, data: bytes) -> None:
        """Append all of the data; raises OSError when the disk is full."""
        while data:
            data = data[os.write(self._descriptor, data) :]

    def read(self) -> bytes:
        """Return what was appended since the last read."""
        unread = os.fstat(self._descriptor).st_size - self._offset
        data = os.pread(self._descriptor, unread, self._offset)
        self._offset += len(data)
        return data

    def has_followers(self) -> bool:
        """Whether another process reads along; once this was denied, none can any more."""
        return not _claim(self._descriptor, fcntl.F_WRLCK, _FOLLOWED)

    def leader_gone(self) -> bool:
        """Whether the leader is done or dead; nothing can be appended any more then."""
        return _claim(self._descriptor, fcntl.F_RDLCK, _LEADING)

    def close(self) -> None:
        """Let go of the file; a leader removes it first, while the lock still keeps others away."""
        if self.is_leader:
            with contextlib.suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)

    def _is_elected(self) -> bool:
        """Whether the locked file is the one at its path, and empty, and nobody took its leader for dead."""
        mine = os.fstat(self._descriptor)
        with contextlib.suppress(FileNotFoundError):
            self.is_leader = self._path.stat().st_ino == mine.st_ino
        return self.is_leader and not mine.st_size and _claim(self._descriptor, fcntl.F_WRLCK, _LEADING)

    def _is_aboard(self) -> bool:
        """Whether the leader will know of this follower; one that is just giving up takes none aboard."""
        return _claim(self._descriptor, fcntl.F_RDLCK, _FOLLOWED)


def sweep(folder: Path) -> None:
    """Remove the part files that dead leaders left."""
    for path in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            descriptor = open_private(path, os.O_RDWR)
            try:
                if lock(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


def _claim(descriptor: int, kind: int, byte: int) -> bool:
    """Return whether the record lock could be had at once, on one byte, shared (F_RDLCK) or not (F_WRLCK)."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _RECORD.pack(kind, os.SEEK_SET, byte, 1, 0))
    except OSError:
        return False
    return True
