"""Which events of LiveKit are new: LiveKit sends an event again until the server accepts it."""

import contextlib
import logging
from collections.abc import Iterator

from sayna.errors import Overloaded, StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.state.ports import Attempt, Once

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.livekit"))


class EventDeduplicator:
    """Remembers event ids; while the store is unavailable every event is new, so a hook may get it twice."""

    def __init__(self, ids: Once) -> None:
        self._ids = ids

    @contextlib.contextmanager
    def first_delivery(self, event_id: str) -> Iterator[bool]:
        """Yield whether the event is new, and remember it when the block ends without an error.

        A second delivery waits for the first one. When the process dies in the block, the event stays new.
        Raises Overloaded when the first delivery takes too long.
        """
        with contextlib.ExitStack() as held:
            attempt = self._entered(held, event_id)
            is_new = attempt is None or _is_new(attempt)
            yield is_new
            if is_new and attempt is not None:
                with contextlib.suppress(StoreUnavailable):
                    attempt.finish("")

    def _entered(self, held: contextlib.ExitStack, event_id: str) -> Attempt | None:
        try:
            return held.enter_context(self._ids.attempt(event_id))
        except TimeoutError as error:
            raise Overloaded("this event is being processed; send it again", retry_after=1) from error
        except StoreUnavailable as error:
            rate_limited_log.warn("events are accepted without a check for duplicates: %s", error)
            return None


def _is_new(attempt: Attempt) -> bool:
    try:
        return attempt.earlier() is None
    except StoreUnavailable as error:
        rate_limited_log.warn("ids of events cannot be read: %s", error)
        return True
