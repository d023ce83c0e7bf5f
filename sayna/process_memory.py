"""The memory that a process keeps, and how an idle process gives memory back to the machine."""

import ctypes
import gc
import re
from contextlib import suppress

# mallopt(3). Large blocks (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD; bytes) go back at once: clips exceed glibc's first
# threshold, which it raises with every one that is freed. Of arenas (M_ARENA_MAX) it would make 8 a core; with the
# interpreter's lock few threads allocate at a time, and one arena is 7 MB less than four after 1,000 misses (measured).
MALLOC = {-1: 2**20, -3: 2**20, -8: 1}
MADV_DONTNEED = 4  # madvise(2)
# proc(5): a mapping of a file that is not written, and the lines of what a linker wrote in one before it locked it.
_READ_ONLY = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-.. \S+ \S+ [1-9]", re.MULTILINE)
_WRITTEN = re.compile(r"^(?:Anonymous|Swap): +[1-9]", re.MULTILINE)

_libc = ctypes.CDLL(None)


def configure_malloc() -> None:
    """Use one arena, and return large blocks at once; a C library without mallopt(3) stays as it is."""
    if hasattr(_libc, "mallopt"):
        for parameter, value in MALLOC.items():
            _libc.mallopt(parameter, value)


def trim() -> None:
    """Give free memory back: 10 to 60 MB after neural speech, without holding the interpreter's lock for long.

    Audio in a cycle of references waits for the collector, which counts objects, not bytes: after 400 renderings it
    left 150 MB (measured).
    """
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


def release_libraries() -> None:
    """Give back the pages of libraries that this process only reads; the kernel's cache still has them.

    The start of a library reads far more of it than its work does: 22 MB of onnxruntime's, 14 MB in gunicorn's master
    (measured). Without /proc/self/smaps nothing is given back.
    """
    with suppress(OSError), open("/proc/self/smaps", encoding="utf-8", errors="replace") as smaps:  # noqa: PTH123 - pathlib takes 30 ms
        for mapping in smaps.read().split("VmFlags:"):
            found = _READ_ONLY.search(mapping)
            if found and not _WRITTEN.search(mapping):
                start, end = (int(address, 16) for address in found.groups())
                _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
