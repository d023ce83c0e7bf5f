"""The moment by which everything must be over."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which all must be done."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the moment `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())

    def left(self) -> float:
        """Return the seconds left; raises TimeoutError when there are none."""
        if not (seconds := self.remaining()):
            raise TimeoutError("the deadline is over")
        return seconds


@dataclass(frozen=True, slots=True)
class Patience(Deadline):
    """A limit to each pause of the peer instead of to the whole exchange: for large downloads."""

    @classmethod
    def after(cls, seconds: float) -> "Patience":
        """Return a patience with pauses of at most this many seconds."""
        return cls(seconds)

    def remaining(self) -> float:
        """Return the seconds of a pause."""
        return self.at
