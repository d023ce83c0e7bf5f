"""Folders that Sayna shares with LiveKit's egress and nginx, which run as other users.

The operator decides once: the folder of RECORDING_LOCAL_PATH has a group of all three, and a mode such as 2770.
Each recording's folder gets the same group and mode, whatever Sayna's umask is.
"""

import contextlib
import os
import stat
from pathlib import Path

from sayna.storage import StoreCheck

# Permissions and setgid. Without the sticky bit, because Sayna removes files of the egress.
SHARED_BITS = 0o2777
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
CLOSED = (
    "LiveKit's egress cannot write to the folder of recordings, because only the owner may; the operator must give it "
    "a group that Sayna and the egress are in, and mode 2770"
)


def check_folder(base: Path) -> StoreCheck:
    """Return failed for a folder that cannot be read, warn for one where no recording can be started."""
    try:
        status = base.stat()
        if not stat.S_ISDIR(status.st_mode) or not os.access(base, os.R_OK | os.X_OK, effective_ids=True):
            return StoreCheck("failed", "Sayna may not read the folder of recordings")
    except FileNotFoundError:
        return StoreCheck("failed", "the folder of recordings does not exist; the operator must make it")
    except OSError as error:
        return StoreCheck("failed", f"Sayna cannot reach the folder of recordings: {os.strerror(error.errno or 0)}")
    if not os.access(base, os.W_OK, effective_ids=True):
        return StoreCheck("warn", "Sayna may not write to the folder of recordings, so it cannot start recordings")
    return StoreCheck() if status.st_mode & OTHERS_WRITE else StoreCheck("warn", CLOSED)


def make_shared(name: str, base: int) -> None:
    """Make a folder with the group and mode of the folder `base`; a folder that exists stays as it is.

    Raises OSError.
    """
    try:
        os.mkdir(name, 0o700, dir_fd=base)
    except FileExistsError:
        return
    wanted = os.fstat(base)
    made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)
    try:
        # The group is the base's already where the base has setgid, or where it is Sayna's own group.
        with contextlib.suppress(OSError):
            os.fchown(made, -1, wanted.st_gid)
        mode = wanted.st_mode & SHARED_BITS
        try:
            os.fchmod(made, mode)
        except PermissionError:
            # systemd's RestrictSUIDSGID forbids setgid. The group of this folder is right without it.
            os.fchmod(made, mode & ~stat.S_ISGID)
    finally:
        os.close(made)
