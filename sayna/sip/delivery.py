"""Events on their way to hooks: one at a time to a host that fails, some at a time to one that answers.

So no host holds up another, whatever it does, and a host that is down costs one thread.
"""

import logging
import threading
import time
from collections import Counter

from sayna import http
from sayna.errors import StoreUnavailable
from sayna.log import emit
from sayna.sip.hooks import Hook, Hooks
from sayna.sip.outbox import Delivery, Queue
from sayna.sip.signing import event_headers

ATTEMPT_SECONDS = 5.0
CONNECT_SECONDS = 3.0
LOOK_SECONDS = 0.2
NOT_NOTED_SECONDS = 30.0
# Events of one room go one by one in any case; this is for many rooms of one tenant.
AT_A_HOST = 4
AT_A_TIME = 64
MAX_ANSWER_BYTES = 65536

logger = logging.getLogger("sayna.sip")


class Deliverer:
    """Delivers what is due, and drops what nobody has taken for an hour or wants no longer."""

    def __init__(self, queue: Queue, hooks: Hooks, *, allow_private: bool) -> None:
        self._queue = queue
        self._hooks = hooks
        self._vet = None if allow_private else http.is_public
        self._under_way: dict[int, str] = {}
        # Hosts of hooks, of which there are a hundred for each tenant at most.
        self._failing: set[str] = set()
        self._lock = threading.Lock()
        self._awake = threading.Event()

    def wake(self) -> None:
        """Look at once whether something is due."""
        self._awake.set()

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop; other processes may put events in meanwhile."""
        while not stop.is_set():
            if self._queue.exists:
                self._begin_due()
            self._awake.wait(LOOK_SECONDS)
            self._awake.clear()

    def _begin_due(self) -> None:
        try:
            due = self._queue.due(2 * AT_A_HOST)
        except StoreUnavailable:
            return
        for number, host in due:
            if self._reserve(number, host):
                threading.Thread(target=self._deliver, args=(number, host), daemon=True).start()

    def _reserve(self, number: int, host: str) -> bool:
        with self._lock:
            here = Counter(self._under_way.values())[host]
            at_a_host = 1 if host in self._failing else AT_A_HOST
            if number in self._under_way or here >= at_a_host or len(self._under_way) >= AT_A_TIME:
                return False
            self._under_way[number] = host
            return True

    def _deliver(self, number: int, host: str) -> None:
        try:
            delivery = self._queue.get(number)
            if delivery is not None:
                self._settle(delivery)
        except StoreUnavailable:
            # It stays in the queue and is told once more, but not as fast as a full disk would have it.
            emit(logger, logging.WARNING, "delivery_not_noted", host=host)
            time.sleep(NOT_NOTED_SECONDS)
        finally:
            with self._lock:
                del self._under_way[number]
            self.wake()

    def _settle(self, delivery: Delivery) -> None:
        hook = self._hooks.find(delivery.host)
        if hook is None or hook.owner != delivery.owner or hook.secret is None:
            return self._drop(delivery, "no_hook" if hook is None or hook.secret else "no_secret")
        if delivery.expired:
            return self._drop(delivery, "expired")
        outcome = self._attempt(delivery, hook)
        taken = isinstance(outcome, int) and 200 <= outcome < 300  # noqa: PLR2004
        level = logging.INFO if taken else logging.WARNING
        emit(logger, level, "delivery", id=delivery.id, host=delivery.host, status=outcome)
        with self._lock:
            (self._failing.discard if taken else self._failing.add)(delivery.host)
        (self._queue.done if taken else self._queue.postpone)(delivery)
        return None

    def _attempt(self, delivery: Delivery, hook: Hook) -> int | str:
        assert hook.secret is not None
        headers = event_headers(hook.secret, delivery.id, delivery.body, int(time.time()))
        try:
            reply = http.send(
                "POST",
                hook.url,
                headers={**headers, "Connection": "close"},
                data=delivery.body.encode(),
                deadline=http.Deadline.after(ATTEMPT_SECONDS),
                connect_seconds=CONNECT_SECONDS,
                max_bytes=MAX_ANSWER_BYTES,
                # Looked at again with each attempt: since it was saved, the name may
                # lead elsewhere (DNS rebinding).
                address_filter=self._vet,
            )
        except http.TransportError as error:
            return type(error).__name__
        # The status is all that counts: what a hook says is neither read nor logged.
        reply.close()
        return reply.status

    def _drop(self, delivery: Delivery, reason: str) -> None:
        emit(logger, logging.ERROR, "delivery_dropped", id=delivery.id, host=delivery.host, reason=reason)
        self._queue.done(delivery)
