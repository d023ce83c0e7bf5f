"""UsageMeter: caps, months, refunds, and what happens while the store is away."""

import calendar
import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from sayna.caller import UNRESTRICTED, Caller
from sayna.errors import QuotaExceeded, StoreUnavailable
from sayna.speech.usage import UsageMeter
from sayna.state.ports import Characters, UsageKey
from sayna.state.usage_table import SQLiteUsage
from tests.threads import no_new_threads

A = Caller("a", characters_per_month=100)
LAST_SECOND = calendar.timegm((2026, 12, 31, 23, 59, 59, 0, 0, 0))


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float = LAST_SECOND) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class AwayStore(SQLiteUsage):
    """A store that can be used only while it is not `away`; `added` is set by each successful add()."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.away = True
        self.added = threading.Event()

    def spend(self, key: UsageKey, characters: int, *, limit: int | None) -> int:
        self._check()
        return super().spend(key, characters, limit=limit)

    def refund(self, key: UsageKey, characters: int) -> None:
        self._check()
        super().refund(key, characters)

    def add(self, counts: Mapping[UsageKey, Characters]) -> None:
        self._check()
        super().add(counts)
        self.added.set()

    def month(self, month: str, tenant: str | None = None) -> dict[UsageKey, Characters]:
        self._check()
        return super().month(month, tenant)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("away", retry_after=1)


def billed(meter: UsageMeter, month: str) -> int:
    return sum(count.billed for count in meter.month(month).values())


def test_cap_begins_anew_at_midnight_utc(tmp_path: Path) -> None:
    clock = Clock()
    meter = UsageMeter(SQLiteUsage(tmp_path), None, clock=clock)
    bill = meter.charge(A, "deepgram", 100)
    with pytest.raises(QuotaExceeded) as refused:
        meter.charge(A, "deepgram", 1)
    assert (refused.value.retry_after, meter.remaining(A)) == (1, 0)
    clock.now += 1
    meter.charge(A, "deepgram", 60)
    assert (meter.parse_month(""), meter.remaining(A)) == ("2027-01", 40)
    # The refund belongs to the month of its charge.
    meter.refund(bill, 100)
    assert (billed(meter, "2026-12"), billed(meter, "2027-01")) == (0, 60)


def test_clock_that_is_set_back_counts_in_the_earlier_month(tmp_path: Path) -> None:
    clock = Clock(LAST_SECOND + 1)
    meter = UsageMeter(SQLiteUsage(tmp_path), None, clock=clock)
    meter.charge(A, "deepgram", 100)
    clock.now -= 1
    meter.charge(A, "deepgram", 100)
    with pytest.raises(QuotaExceeded):
        meter.charge(A, "deepgram", 1)
    assert (billed(meter, "2026-12"), billed(meter, "2027-01")) == (100, 100)


def test_default_cap_is_for_callers_without_their_own(tmp_path: Path) -> None:
    meter = UsageMeter(SQLiteUsage(tmp_path), 10)
    meter.charge(UNRESTRICTED, "deepgram", 10)
    # Callers without a tenant share one account.
    with pytest.raises(QuotaExceeded):
        meter.charge(Caller(), "deepgram", 1)
    assert (meter.remaining(Caller("b")), meter.remaining(Caller("b", characters_per_month=0))) == (10, 0)
    with pytest.raises(QuotaExceeded):
        meter.charge(Caller("b", characters_per_month=0), "deepgram", 1)
    assert UsageMeter(SQLiteUsage(tmp_path), None).remaining(UNRESTRICTED) is None


def test_store_that_is_away_stops_capped_callers_only(tmp_path: Path) -> None:
    store = AwayStore(tmp_path)
    meter = UsageMeter(store, None, flush_seconds=0.01)
    with pytest.raises(StoreUnavailable):
        meter.charge(A, "deepgram", 1)
    assert meter.remaining(A) is None
    meter.charge(UNRESTRICTED, "deepgram", 5)
    meter.refund(meter.charge(UNRESTRICTED, "deepgram", 7), 7)
    store.away = False
    assert store.added.wait(30)
    assert billed(meter, meter.parse_month("")) == 5


def test_count_without_a_thread_is_stored_by_the_next_one(tmp_path: Path) -> None:
    store = AwayStore(tmp_path)
    store.away = False
    meter = UsageMeter(store, None, flush_seconds=0.01)
    with no_new_threads():
        meter.save(A, "deepgram", 5)
    meter.save(A, "deepgram", 2)
    assert store.added.wait(30)
    key = UsageKey("a", meter.parse_month(""), "deepgram")
    assert SQLiteUsage(tmp_path).month(key.month) == {key: Characters(0, 7)}


def test_saved_characters_reach_the_store_by_themselves(tmp_path: Path) -> None:
    store = AwayStore(tmp_path)
    store.away = False
    meter = UsageMeter(store, None, flush_seconds=0.01)
    meter.save(A, "deepgram", 5)
    assert store.added.wait(30)
    key = UsageKey("a", meter.parse_month(""), "deepgram")
    assert SQLiteUsage(tmp_path).month(key.month) == {key: Characters(0, 5)}


def test_closing_stores_what_was_saved(tmp_path: Path) -> None:
    meter = UsageMeter(SQLiteUsage(tmp_path), None, clock=Clock(), flush_seconds=3600)
    meter.save(A, "deepgram", 5)
    meter.close()
    assert SQLiteUsage(tmp_path).month("2026-12") == {UsageKey("a", "2026-12", "deepgram"): Characters(0, 5)}


def test_warning_comes_once_at_four_fifths(tmp_path: Path) -> None:
    warnings: list[dict[str, object]] = []

    def note(**fields: object) -> None:
        warnings.append(fields)

    meters = [UsageMeter(SQLiteUsage(tmp_path), None, clock=Clock(), on_warning=note) for _ in range(2)]
    meters[0].charge(A, "deepgram", 79)
    assert not warnings
    for meter in meters:
        meter.charge(A, "deepgram", 1)
    with contextlib.suppress(QuotaExceeded):
        meters[1].charge(A, "deepgram", 50)
    assert warnings == [{"tenant": "a", "month": "2026-12", "limit": 100, "billed": 80}]


def test_warning_that_cannot_be_sent_costs_no_speech(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(**fields: object) -> None:
        raise StoreUnavailable("the outbox is away")

    UsageMeter(SQLiteUsage(tmp_path), None, on_warning=fail).charge(A, "deepgram", 100)
    assert "the outbox is away" in caplog.text


def test_bill_without_a_cap_is_stored_at_once_too(tmp_path: Path) -> None:
    meter = UsageMeter(SQLiteUsage(tmp_path), None, clock=Clock(), flush_seconds=3600)
    meter.charge(UNRESTRICTED, "deepgram", 5)
    meter.refund(meter.charge(UNRESTRICTED, "deepgram", 7), 7)
    assert SQLiteUsage(tmp_path).month("2026-12") == {UsageKey("", "2026-12", "deepgram"): Characters(5)}
