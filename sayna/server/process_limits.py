"""Limits of the process: file descriptors, and the memory that the C library keeps after a burst of renderings."""

import ctypes
import gc
import resource
from concurrent.futures import ThreadPoolExecutor

MOST_FILES = 65536
# A request holds its client, its vendor, a part file, locks and a database.
FILES_OF_A_THREAD = 8
FILES_OF_A_WORKER = 128
MOST_CONNECTIONS = 8192
# mallopt(3): the parameters' numbers.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# glibc's own limit is 8 arenas a core; with the interpreter's lock, few threads allocate at a time.
ARENAS = 4
# Clips are larger than glibc's first threshold, which it raises with every one that is freed.
LARGE = 2**20  # bytes

_libc = ctypes.CDLL(None)


def raise_file_limit() -> None:
    """Allow as many open files as the machine lets this user have; shells begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections(threads: int) -> int:
    """Return how many connections a worker may hold that no thread serves."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    files = MOST_FILES if soft == resource.RLIM_INFINITY else soft
    return min(MOST_CONNECTIONS, max(64, files - FILES_OF_A_WORKER - FILES_OF_A_THREAD * threads))


def configure_malloc() -> None:
    """Use few arenas, and return large blocks at once; a C library without mallopt(3) stays as it is."""
    if hasattr(_libc, "mallopt"):
        for parameter, value in ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE)):
            _libc.mallopt(parameter, value)


class Threads(ThreadPoolExecutor):
    """Threads that start when they are needed; where the machine gives no more, the request waits for one of them."""

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise


def trim() -> None:
    """Return what is free to the machine, without holding the interpreter's lock for long.

    Audio in a cycle of references waits for the collector, which counts objects, not bytes: after 400 renderings it
    left 150 MB (measured).
    """
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
