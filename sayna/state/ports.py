"""What the workers of one server share, as Protocols.

The embedded implementations stand beside this file; those for several machines are in `redis/`.

Every method raises StoreUnavailable when the store behind it cannot be used, unless it says otherwise.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sayna.state.files import Check


class Lock(Protocol):
    """Named locks that only one thread of all workers holds at a time."""

    def hold(self, name: str, seconds: float) -> AbstractContextManager[None]:
        """Hold the lock `name`; raises TimeoutError when another holder keeps it for `seconds`.

        The lock ends with the block, and within 4 seconds when the process dies first. Over several machines, a
        process that stands still for 4 seconds may lose it: what must happen once needs a check of its own.
        """


class Slots(Protocol):
    """Limits how many holders a name has at a time, over all workers."""

    def hold(self, name: str, limit: int, seconds: float) -> AbstractContextManager[None]:
        """Hold one of `limit` slots of a name; raises TimeoutError when none is free for `seconds`.

        A slot ends with the block, and with the process when that dies first. When the store cannot be used,
        everything has a slot, because these limits protect no money.
        """


class Leader(Protocol):
    """Elects one worker of all for a job."""

    def term(self, job: str, stop: threading.Event) -> AbstractContextManager[threading.Event | None]:
        """Yield None while another worker leads, otherwise the event that ends this worker's term.

        The event is set when `stop` is set, and when the worker loses the election before that. The job
        must end before another worker can begin it. A dead leader is replaced within 5 seconds.
        """


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier attempt stored under a key; `result` is None when that attempt never finished."""

    request: bytes
    result: str | None


class Attempt(Protocol):
    """The only attempt under its key at this time."""

    def earlier(self) -> Earlier | None:
        """Return what an earlier attempt stored, or None for a new key."""

    def begin(self, request: bytes) -> None:
        """Store that the work begins, durably, before it begins; raises AlreadyBegun.

        Of two attempts under one key at most one can begin, even when a lock was lost meanwhile.
        """

    def finish(self, result: str) -> None:
        """Store the result for later attempts; `begin` may be left out."""

    def cancel(self) -> None:
        """Forget that the work began, because it had no effect: the key is new again.

        This and `finish` may also come after the attempt is given back.
        """


class AlreadyBegun(Exception):
    """Another attempt has begun the work of this key."""


class Once(Protocol):
    """Keys under which work is done once; each key is kept for a fixed time after its work began."""

    def attempt(self, key: str) -> AbstractContextManager[Attempt]:
        """Lend the attempt of a key; raises TimeoutError when another attempt of that key runs too long.

        The store keeps a digest of the key, not the key.
        """


@dataclass(frozen=True, slots=True)
class CallSlot:
    """One of the calls that a tenant has at a time."""

    id: str
    room: str
    identity: str


class RateLimitReached(Exception):
    """The tenant began too many calls in the last minute; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class ConcurrencyLimitReached(Exception):
    """The tenant has too many calls at a time."""


class Counter(Protocol):
    """Counts the calls that each tenant begins in a minute and has at a time; both counts are exact."""

    def acquire(self, tenant: str, room: str, identity: str) -> str:
        """Count a call in both counts, or in none; return the id of its slot.

        Slots of the same room and identity count as one, because the second call replaces the first.
        Raises RateLimitReached, ConcurrencyLimitReached.
        """

    def confirm(self, tenant: str, slot: str) -> None:
        """Store that LiveKit has begun the call of the slot, and free an earlier slot of its room and identity."""

    def release(self, tenant: str, slots: Iterable[str]) -> None:
        """Free slots of calls that never began, or that ended."""

    def oldest(self, tenant: str, count: int) -> list[CallSlot]:
        """Return up to `count` slots that may be free by now, the oldest first; none below the limit.

        A slot counts once it is confirmed, or is a minute old.
        """


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for the hook of a host; `created` is in seconds since the epoch."""

    id: str
    host: str
    owner: str | None
    body: str
    created: float
    attempts: int


class Outbox(Protocol):
    """Events that wait for delivery: durable, bounded, in order within a room, delivered at least once."""

    def is_used(self) -> bool:
        """Return whether an event was ever stored, or may have been; raises nothing."""

    def check(self) -> Check:
        """Return `ok` when an event could be stored now, otherwise `failed`."""

    def put(self, event_id: str, *, host: str, owner: str | None, room: str, body: str) -> None:
        """Store an event durably unless it waits already; raises Overloaded when too many wait."""

    def due(self, per_host: int) -> list[tuple[str, str]]:
        """Return id and host of deliveries that are due, the oldest first, at most `per_host` of a host.

        Of each room only the first event counts.
        """

    def get(self, event_id: str) -> Delivery | None:
        """Return an event that waits."""

    def remove(self, delivery: Delivery) -> None:
        """Remove an event."""

    def postpone(self, delivery: Delivery) -> None:
        """Wait before the next attempt: 1 second after the first one, then twice as long, at most 5 minutes."""


class Records(Protocol):
    """Many small texts by key, in groups; each is kept for a fixed time after its last change."""

    def get(self, key: str) -> str | None:
        """Return the text of a key, or None."""

    def change(self, key: str, group: str, change: Callable[[str | None], str | None]) -> None:
        """Replace the text by what `change` returns, durably and in one step; None leaves it as it is."""

    def members(self, group: str, count: int) -> list[str]:
        """Return up to `count` texts of a group, the newest keys first."""


class BlobStore(Protocol):
    """A few small named values that change as a whole."""

    def read(self, name: str) -> bytes | None:
        """Return the value, or None when it was never stored; raises OSError when it cannot be read."""

    def change(self, name: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the value by what `change` returns, durably and in one step; None leaves it as it is.

        `change` gets the stored value; no other change happens in between. Raises StoreUnavailable when
        others change the value for too long, OSError when it cannot be read or written.
        """


@dataclass(frozen=True, slots=True)
class UsageKey:
    """What characters are counted for: a tenant ("" for none), a month such as 2026-11 in UTC, a provider."""

    tenant: str
    month: str
    provider: str


@dataclass(slots=True)
class Characters:
    """How many characters a provider was paid for, and how many needed no provider."""

    billed: int = 0
    saved: int = 0


class CharactersExhausted(Exception):
    """The characters would exceed the limit of the tenant; none of them was counted."""


class UsageStore(Protocol):
    """The characters of each tenant, month and provider; limits are exact over all workers."""

    def spend(self, key: UsageKey, characters: int, *, limit: int | None) -> int:
        """Count billed characters durably and return the sum of the tenant's month over all providers.

        Raises CharactersExhausted when that sum would exceed `limit`.
        """

    def refund(self, key: UsageKey, characters: int) -> None:
        """Take billed characters back; no count falls below 0."""

    def add(self, counts: Mapping[UsageKey, Characters]) -> None:
        """Add to counts without a limit."""

    def month(self, month: str, tenant: str | None = None) -> dict[UsageKey, Characters]:
        """Return the counts of a month: of one tenant, or of all."""

    def is_first_warning(self, tenant: str, month: str, limit: int) -> bool:
        """Return True once for each tenant, month and limit, over all workers."""
