"""The `<key>.part` file of one rendering: who holds its lock renders, and others read along.

Three locks, which the kernel drops when their process dies: `flock` elects the leader and lets it remove the
file; `lockf` on one byte says that a leader lives, and on another, shared, that a process follows. (`flock` alone
cannot say that a leader lives: whoever removes a dead leader's file holds it too.) The two kinds do not see each
other on a local disk, which SQLite needs as well.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from sayna.folder import lock, open_private

_FOLLOWED, _LEADING = 0, 1


class Part:
    """An open part file; `led` says whether this process holds the leader's lock."""

    def __init__(self, path: Path, descriptor: int, *, led: bool) -> None:
        self.led = led
        self._path = path
        self._descriptor = descriptor
        self._offset = 0

    @classmethod
    def open(cls, path: Path) -> "Part":
        """Lead, when nobody does, else follow; raises OSError when the folder cannot be written."""
        while True:
            descriptor = open_private(path)
            if not lock(descriptor):
                _claim(descriptor, fcntl.LOCK_SH, _FOLLOWED)
                return cls(path, descriptor, led=False)
            part = cls(path, descriptor, led=True)
            if part._is_fresh():
                return part
            part.close()

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

    def followed(self) -> bool:
        """Whether another process reads along."""
        return not _claim(self._descriptor, fcntl.LOCK_EX, _FOLLOWED)

    def leaderless(self) -> bool:
        """Whether the leader is done or dead; nothing can be appended any more then."""
        return _claim(self._descriptor, fcntl.LOCK_SH, _LEADING)

    def close(self) -> None:
        """Let go of the file; a leader removes it first, while the lock still keeps others away."""
        if self.led:
            with contextlib.suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)

    def _is_fresh(self) -> bool:
        """Whether the locked file is the one at its path, and empty, and nobody took its leader for dead."""
        mine = os.fstat(self._descriptor)
        try:
            self.led = self._path.stat().st_ino == mine.st_ino
        except FileNotFoundError:
            self.led = False
        return self.led and not mine.st_size and _claim(self._descriptor, fcntl.LOCK_EX, _LEADING)


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


def _claim(descriptor: int, operation: int, byte: int) -> bool:
    try:
        fcntl.lockf(descriptor, operation | fcntl.LOCK_NB, 1, byte)
    except OSError:
        return False
    return True
