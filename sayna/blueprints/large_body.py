"""Large complete bodies wait for their clients in files, because slow clients would hold all of them in memory."""

import math
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from werkzeug.wsgi import FileWrapper

# As many bytes as a master may have before it waits for its turn. No larger clip fits into the memory cache, so
# every caller would hold a copy of its own.
LARGE_BYTES = 4 * 2**20
PIECE_BYTES = 2**18


class SpooledBody(FileWrapper):
    """A body in a file without a name, read in pieces; it has a length, so it counts as complete in the log."""

    def __init__(self, parts: Sequence[bytes], folder: Path) -> None:
        """Write the parts to the disk of `folder`; raises OSError."""
        self.size = sum(map(len, parts))
        # Unbuffered, so that a full disk is an error here and not later.
        file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - the server closes the body
        super().__init__(file, PIECE_BYTES)
        # A response that no server takes is only collected.
        weakref.finalize(self, file.close)
        for part in parts:
            left = memoryview(part)
            # write(2) may take less than all of it.
            while left:
                left = left[file.write(left) :]
        self.seek(0)

    def __len__(self) -> int:
        """Return the number of pieces."""
        return math.ceil(self.size / PIECE_BYTES)
