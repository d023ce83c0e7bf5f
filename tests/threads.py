"""A machine that gives no more threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# No machine has so much memory for a stack.
BYTES = 2**50


@contextmanager
def no_new_threads() -> Iterator[None]:
    """Let each start of a thread fail, as it does where a container may have no more of them."""
    before = threading.stack_size(BYTES)
    try:
        yield
    finally:
        threading.stack_size(before)
