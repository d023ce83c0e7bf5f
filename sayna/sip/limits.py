"""How many calls a tenant may begin in a minute, and have at a time, counted over all workers."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from sayna.errors import Overloaded
from sayna.livekit.errors import LiveKitUnavailable
from sayna.livekit.model import Call
from sayna.livekit.sip_client import SipClient
from sayna.sip.errors import TooManyCalls
from sayna.state.ports import ConcurrencyLimitReached, Counter, RateLimitReached

# Each is a request to LiveKit, all in parallel: this bounds the requests for one call.
MAX_CHECKED = 64
BUSY_RETRY_SECONDS = 5


class Places(Protocol):
    """Threads that may be busy for long."""

    def hold(self) -> contextlib.AbstractContextManager[None]:
        """Hold a place; raises Overloaded."""


class AnswerWaits:
    """Requests of this process that wait for an answer: at most `count`, each on a place that speech could take."""

    def __init__(self, count: int, places: Places) -> None:
        self._waits = threading.BoundedSemaphore(count)
        self._places = places

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a place while a phone rings; raises Overloaded."""
        if not self._waits.acquire(blocking=False):
            raise Overloaded("too many requests wait for an answer; try again", retry_after=5)
        try:
            with self._places.hold():
                yield
        finally:
            self._waits.release()


def take_slot(calls: Counter, client: SipClient, tenant: str, call: Call) -> str:
    """Count a call and return the id of its slot; raises TooManyCalls."""
    # Once all slots are taken, free those of ended calls; only LiveKit knows for certain that a call ended.
    if slots := calls.oldest(tenant, MAX_CHECKED):
        with contextlib.suppress(LiveKitUnavailable):
            states = client.call_states([(slot.room, slot.identity) for slot in slots])
            calls.release(tenant, [slot.id for slot, state in zip(slots, states, strict=True) if state is None])
    try:
        return calls.acquire(tenant, call.room, call.identity)
    except RateLimitReached as error:
        raise TooManyCalls("too many calls were begun within a minute", retry_after=error.retry_after) from error
    except ConcurrencyLimitReached as error:
        raise TooManyCalls("too many calls are under way", retry_after=BUSY_RETRY_SECONDS) from error
