"""A limit on the size of files, in place of a full disk."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """Limit each file to 500 bytes, which a writer cannot tell from a full disk.

    Not a fixture: pytest writes its report, perhaps to a file, before a fixture ends.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
