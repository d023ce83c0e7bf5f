"""Memory that goes back to the machine, and what must not go with it."""

import ctypes
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.process_memory import release_libraries

SIZE = 2**20
PAGES = b"".join(bytes([number]) * mmap.PAGESIZE for number in range(SIZE // mmap.PAGESIZE))


@pytest.fixture
def mapped(tmp_path: Path) -> Iterator[tuple[mmap.mmap, int]]:
    """Return a private mapping of a file, as a library has it, and its address."""
    file = tmp_path / "library.so"
    file.write_bytes(PAGES)
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0, flags=mmap.MAP_PRIVATE) as mapping:
        yield mapping, ctypes.addressof(ctypes.c_char.from_buffer(mapping))


def protect(address: int) -> None:
    """Allow only to read, as the linker does once it has written its addresses."""
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(SIZE), mmap.PROT_READ) == 0


def resident(address: int) -> int:
    """Return the kilobytes of a mapping that are in memory."""
    text = Path("/proc/self/smaps").read_text(errors="replace")
    found = re.search(rf"^{address:x}-.*?^Rss: +(\d+) kB", text, re.MULTILINE | re.DOTALL)
    assert found
    return int(found[1])


def test_pages_that_are_only_read_go_and_come_back(mapped: tuple[mmap.mmap, int]) -> None:
    mapping, address = mapped
    protect(address)
    assert mapping[:] == PAGES
    assert resident(address) == SIZE // 1024

    release_libraries()

    assert resident(address) == 0
    assert mapping[:] == PAGES


def test_pages_that_were_written_before_they_were_locked_stay(mapped: tuple[mmap.mmap, int]) -> None:
    mapping, address = mapped
    mapping[mmap.PAGESIZE : mmap.PAGESIZE + 7] = b"written"
    protect(address)

    release_libraries()

    assert mapping[mmap.PAGESIZE :][:7] == b"written"
