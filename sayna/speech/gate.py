"""How many renderings a process takes on at once, so that cached audio never queues behind them."""

import threading

from sayna.errors import Overloaded


class SynthesisLimiter:
    """Counts what is under way; refuses at once instead of queueing."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def acquire(self) -> None:
        """Take a place; raises Overloaded when there is none."""
        # No queue: whoever waits here holds a thread that cached speech and health need.
        if not self._places.acquire(blocking=False):
            raise Overloaded("too much speech is being rendered; try again", retry_after=1)

    def release(self) -> None:
        """Give the place back."""
        self._places.release()
