"""The response of the helper process to one request, buffered in the worker."""

import time
from collections import deque
from collections.abc import Callable

from sayna import errors
from sayna.http import Deadline


class HelperDied(errors.ProviderError):
    """The helper process ended by itself: the text that it said has killed it."""


class HelperResponse:
    """The payloads of one response, as an iterator; `close` cancels the rest."""

    def __init__(
        self, read: Callable[["HelperResponse"], None], stop: Callable[["HelperResponse"], None], deadline: Deadline
    ) -> None:
        self._read, self._stop = read, stop
        self.deadline = deadline
        self.ready: deque[bytes] = deque()
        self.error: errors.ProviderError | None = None
        self.ended = False
        self.read_at = time.monotonic()

    def __iter__(self) -> "HelperResponse":
        return self

    def __next__(self) -> bytes:
        """Return the next payload; raises ProviderError and its kinds."""
        while not self.ready and not self.ended:
            self._read(self)
        if self.ready:
            return self.ready.popleft()
        if self.error:
            raise self.error
        raise StopIteration

    def close(self) -> None:
        """Cancel the synthesis when the client is gone. A second call does nothing."""
        self._stop(self)
