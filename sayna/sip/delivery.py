"""Delivery of events to hooks: one at a time to a host that fails, several at a time to one that answers.

A host never delays another one, a host that is down takes one thread, and a tenant at most 16.
"""

import contextlib
import logging
import threading
import time
from dataclasses import dataclass, field

from sayna import http, metrics
from sayna.config import Secret
from sayna.errors import StoreUnavailable
from sayna.log import emit
from sayna.sip.event_signing import event_headers
from sayna.sip.hooks import Hooks
from sayna.state.ports import Delivery, Outbox

ATTEMPT_SECONDS = 5.0
CONNECT_SECONDS = 3.0
POLL_INTERVAL = 0.2  # seconds
# The pause after a delivery that the outbox could not store.
STORE_PAUSE_SECONDS = 30.0
EXPIRY_SECONDS = 3600.0
# Events of one room are always delivered one by one; this limit is for many rooms of one tenant.
MAX_AT_HOST = 4
MAX_AT_A_TIME = 64
# A tenant has up to a hundred hooks, which may all hang.
MAX_AT_TENANT = 16
MAX_ANSWER_BYTES = 65536

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers due events; drops an event after an hour, and when its hook is gone."""

    outbox: Outbox
    hooks: Hooks
    allow_private: bool
    attempt_seconds: float = ATTEMPT_SECONDS
    store_pause_seconds: float = STORE_PAUSE_SECONDS
    _under_way: dict[str, str] = field(init=False, default_factory=dict)
    # Hosts of hooks; a tenant has at most a hundred of them.
    _failing: set[str] = field(init=False, default_factory=set)
    _owners: dict[str, str | None] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _awake: threading.Event = field(init=False, default_factory=threading.Event)

    def wake(self) -> None:
        """Look for due events at once."""
        self._awake.set()

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set; other processes may store events meanwhile."""
        while not stop.is_set():
            if self.outbox.is_used():
                self._begin_due()
            self._awake.wait(POLL_INTERVAL)
            self._awake.clear()

    def _begin_due(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            for event_id, host in self.outbox.due(2 * MAX_AT_HOST):
                if host not in self._owners:
                    hook = self.hooks.find(host)
                    self._owners[host] = hook.owner if hook else None
                if self._reserve(event_id, host):
                    try:
                        threading.Thread(target=self._deliver, args=(event_id, host), daemon=True).start()
                    except RuntimeError:  # the machine gives no thread now
                        del self._under_way[event_id]

    def _reserve(self, event_id: str, host: str) -> bool:
        with self._lock:
            hosts, owner = list(self._under_way.values()), self._owners[host]
            at_a_host = 1 if host in self._failing else MAX_AT_HOST
            if event_id in self._under_way or hosts.count(host) >= at_a_host or len(hosts) >= MAX_AT_A_TIME:
                return False
            # Hooks without a tenant are the operator's own.
            if owner is not None and sum(self._owners[each] == owner for each in hosts) >= MAX_AT_TENANT:
                return False
            self._under_way[event_id] = host
            return True

    def _deliver(self, event_id: str, host: str) -> None:
        try:
            delivery = self.outbox.get(event_id)
            if delivery is not None:
                self._settle(delivery)
        except StoreUnavailable:
            # The event stays in the outbox and is delivered again. Without the pause, a full disk would cause
            # many deliveries a second.
            emit(logger, logging.WARNING, "delivery_not_noted", host=host)
            time.sleep(self.store_pause_seconds)
        finally:
            with self._lock:
                del self._under_way[event_id]
            self.wake()

    def _settle(self, delivery: Delivery) -> None:
        hook = self.hooks.find(delivery.host)
        if hook is None or hook.owner != delivery.owner or hook.secret is None:
            return self._drop(delivery, "no_hook" if hook is None or hook.secret else "no_secret")
        # The clock that `created` is from may be ahead of this one, or this one was set back: then it expires too.
        if abs(time.time() - delivery.created) >= EXPIRY_SECONDS:
            return self._drop(delivery, "expired")
        outcome = self._attempt(delivery, hook.url, hook.secret)
        is_taken = isinstance(outcome, int) and 200 <= outcome < 300  # noqa: PLR2004
        level = logging.INFO if is_taken else logging.WARNING
        metrics.count("deliveries", "delivered" if is_taken else "failed")
        emit(logger, level, "delivery", id=delivery.id, host=delivery.host, status=outcome)
        with self._lock:
            (self._failing.discard if is_taken else self._failing.add)(delivery.host)
        (self.outbox.remove if is_taken else self.outbox.postpone)(delivery)
        return None

    def _attempt(self, delivery: Delivery, url: str, secret: Secret) -> int | str:
        headers = event_headers(secret, delivery.id, delivery.body, int(time.time()))
        try:
            reply = http.send(
                "POST",
                url,
                headers={**headers, "Connection": "close"},
                data=delivery.body.encode(),
                deadline=http.Deadline.after(self.attempt_seconds),
                connect_seconds=CONNECT_SECONDS,
                max_bytes=MAX_ANSWER_BYTES,
                # Checked at each attempt, because the name may resolve to another address since the hook was
                # saved (DNS rebinding).
                address_filter=None if self.allow_private else http.is_public,
            )
        except http.TransportError as error:
            return type(error).__name__
        # Only the status counts: the body of a hook's response is neither read nor logged.
        reply.close()
        return reply.status

    def _drop(self, delivery: Delivery, reason: str) -> None:
        metrics.count("deliveries", "dropped")
        emit(logger, logging.ERROR, "delivery_dropped", id=delivery.id, host=delivery.host, reason=reason)
        self.outbox.remove(delivery)
