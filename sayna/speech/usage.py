"""Characters of vendors: what each tenant used in a month, and the cap that it must stay within (contract 15)."""

import calendar
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from sayna import metrics
from sayna.caller import Caller
from sayna.errors import InvalidRequest, QuotaExceeded, SaynaError, StoreUnavailable
from sayna.log import emit
from sayna.state.ports import Characters, CharactersExhausted, UsageKey, UsageStore

WARN_PERCENT = 80
# A crash may lose the saved characters of 5 seconds (contract 15).
FLUSH_SECONDS = 4.0
# How old the sum behind x-quota-remaining may be, so that not every hit reads the database.
SUM_SECONDS = 5.0
MAX_PENDING = 10_000  # keys, when the store is away for long
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

logger = logging.getLogger("sayna.usage")


class PendingUsage:
    """Counts of this process that are not in the store yet; a thread adds them every few seconds."""

    def __init__(self, store: UsageStore, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._counts: dict[UsageKey, Characters] = {}
        self._lock = threading.Lock()
        self._pid = 0

    def add(self, key: UsageKey, *, billed: int = 0, saved: int = 0) -> None:
        """Add to a count; while the store is away, the counts of new keys beyond MAX_PENDING are lost."""
        with self._lock:
            if (count := self._counts.get(key)) is None:
                if len(self._counts) >= MAX_PENDING:
                    return
                count = self._counts[key] = Characters()
            count.billed += billed
            count.saved += saved
            # A thread does not survive a fork.
            if self._pid != os.getpid():
                # Where the machine gives no thread now, the next count asks again.
                with suppress(RuntimeError):
                    threading.Thread(target=self._run, name="usage", daemon=True).start()
                    self._pid = os.getpid()

    def flush(self) -> None:
        """Move the counts into the store; they stay when it cannot be used."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            self._store.add(counts)
        except StoreUnavailable:
            for key, count in counts.items():
                self.add(key, billed=count.billed, saved=count.saved)
            return
        # Not at each hit, because a count takes 1.5 us (measured).
        for key, count in counts.items():
            if count.saved:
                metrics.count("characters", key.provider, "saved", amount=count.saved)

    def _run(self) -> None:
        while True:
            time.sleep(self._seconds)
            with self._lock:
                if not self._counts:
                    self._pid = 0
                    return
            self.flush()


class UsageMeter:
    """Bills the speech of vendors to tenants, and refuses it beyond their caps.

    `default_limit` is the cap, in characters a month, of callers without one of their own; None is no limit. `clock`
    returns epoch seconds: a month ends at midnight UTC. `on_warning` is called once a month for a tenant, with `tenant`
    ("" for none), `month`, `limit` and `billed`.
    """

    def __init__(
        self,
        store: UsageStore,
        default_limit: int | None,
        on_warning: Callable[..., None] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._store = store
        self._default_limit = default_limit
        self._clock = clock
        self._on_warning = on_warning
        self._pending = PendingUsage(store, flush_seconds)
        self._sums: dict[tuple[str, str], tuple[float, int]] = {}
        self._warned: set[tuple[str, str, int]] = set()

    def limit_of(self, caller: Caller) -> int | None:
        """Return the characters a month that a caller may have of vendors, None for no limit."""
        return self._default_limit if caller.characters_per_month is None else caller.characters_per_month

    def charge(self, caller: Caller, provider: str, characters: int) -> UsageKey:
        """Bill characters before a vendor is asked for their speech; return the key of the bill, for a refund.

        Raises QuotaExceeded beyond the cap, and StoreUnavailable when there is a cap that cannot be checked.
        """
        now, limit = self._clock(), self.limit_of(caller)
        key = UsageKey(caller.tenant or "", month_of(now), provider)
        try:
            billed = self._store.spend(key, characters, limit=limit)
        except CharactersExhausted as error:
            raise QuotaExceeded(
                f"this tenant may have {limit} characters of speech vendors a month, and too few are left for it;"
                " cached speech is still served",
                retry_after=_seconds_to_next_month(now),
            ) from error
        except StoreUnavailable:
            if limit is not None:
                raise
            self._pending.add(key, billed=characters)
        else:
            self._note(key, billed)
            if limit and billed * 100 >= limit * WARN_PERCENT:
                self._warn(key.tenant, key.month, limit, billed)
        return key

    def refund(self, key: UsageKey, characters: int) -> None:
        """Take billed characters back, because the vendor refused before it sent audio."""
        try:
            self._store.refund(key, characters)
        except StoreUnavailable:
            self._pending.add(key, billed=-characters)
        self._sums.pop((key.tenant, key.month), None)

    def save(self, caller: Caller, provider: str, characters: int) -> None:
        """Count characters whose speech needed no vendor."""
        self._pending.add(UsageKey(caller.tenant or "", month_of(self._clock()), provider), saved=characters)

    def remaining(self, caller: Caller) -> int | None:
        """Return the characters that a caller has left, at most 5 seconds old; None without a cap or a store."""
        if (limit := self.limit_of(caller)) is None:
            return None
        tenant, month = caller.tenant or "", month_of(self._clock())
        read_at, billed = self._sums.get((tenant, month), (0.0, 0))
        if not read_at or time.monotonic() - read_at > SUM_SECONDS:
            try:
                counts = self._store.month(month, tenant)
            except StoreUnavailable:
                return None
            billed = sum(count.billed for count in counts.values())
            self._note(UsageKey(tenant, month, ""), billed)
        return max(0, limit - billed)

    def month(self, month: str, tenant: str | None = None) -> Mapping[UsageKey, Characters]:
        """Return the counts of a month such as 2026-11: of one tenant, or of all. Raises StoreUnavailable."""
        self._pending.flush()
        return self._store.month(month, tenant)

    def parse_month(self, text: str) -> str:
        """Return a month such as 2026-11, the present one in UTC for an empty text; raises InvalidRequest."""
        if text and not MONTH.fullmatch(text):
            raise InvalidRequest("month must be a year and a month such as 2026-11")
        return text or month_of(self._clock())

    def close(self) -> None:
        """Store the counts of this process."""
        self._pending.flush()

    def _note(self, key: UsageKey, billed: int) -> None:
        if len(self._sums) >= MAX_PENDING:
            self._sums.clear()
        self._sums[key.tenant, key.month] = (time.monotonic(), billed)

    def _warn(self, tenant: str, month: str, limit: int, billed: int) -> None:
        known = (tenant, month, limit)
        if known in self._warned:
            return
        self._warned.add(known)
        try:
            if self._store.is_first_warning(*known):
                fields = {"tenant": tenant, "month": month, "limit": limit, "billed": billed}
                emit(logger, logging.WARNING, "quota_warning", **fields)
                if self._on_warning is not None:
                    self._on_warning(**fields)
        except SaynaError as error:
            # A hook that cannot be told must not cost the caller its speech.
            logger.warning("the quota warning of a tenant was not sent: %s", error)


def month_of(now: float) -> str:
    """Return the month of an epoch second in UTC, such as 2026-11."""
    return time.strftime("%Y-%m", time.gmtime(now))


def _seconds_to_next_month(now: float) -> int:
    moment = time.gmtime(now)
    years, month = divmod(moment.tm_mon, 12)
    return max(1, calendar.timegm((moment.tm_year + years, month + 1, 1, 0, 0, 0)) - int(now))
