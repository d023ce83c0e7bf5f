"""A note that a vendor has refused the server's own credentials, for as long as it is likely to be true."""

import time
from collections.abc import Callable

# Short, because a server that is not ready for want of a key gets no request that could show that the key works again.
NOTE_SECONDS = 60.0


class KeyRefusal:
    """Notes a refusal for NOTE_SECONDS; a success ends it at once. Each worker process has its own notes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0

    @property
    def is_recent(self) -> bool:
        """Whether the last answer to the server's key was a refusal, at most NOTE_SECONDS ago."""
        return self._clock() < self._until

    def note(self) -> bool:
        """Note a refusal; return whether it is news."""
        is_news = not self.is_recent
        self._until = self._clock() + NOTE_SECONDS
        return is_news

    def clear(self) -> None:
        """Forget the refusal, because the vendor has taken the key."""
        self._until = 0.0
