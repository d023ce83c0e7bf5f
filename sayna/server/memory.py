"""How the C library gives memory back: by itself it keeps what a burst of renderings has freed."""

import ctypes
import gc

# mallopt(3): the parameters' numbers.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# glibc's own limit is 8 arenas a core; with the interpreter's lock, few threads allocate at a time.
ARENAS = 4
# Clips are larger than glibc's first threshold, which it raises with every one that is freed.
LARGE = 2**20  # bytes

_libc = ctypes.CDLL(None)


def configure_malloc() -> None:
    """Use few arenas, and return large blocks at once; a C library without mallopt(3) stays as it is."""
    if hasattr(_libc, "mallopt"):
        for parameter, value in ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE)):
            _libc.mallopt(parameter, value)


def trim() -> None:
    """Return what is free to the machine, without holding the interpreter's lock for long.

    Audio in a cycle of references waits for the collector, which counts objects, not bytes: after 400 renderings it
    left 150 MB (measured).
    """
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
