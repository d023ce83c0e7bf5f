"""Wrong tokens of an address within a minute, to the second and over processes."""

import os
import time

import pytest

from sayna.errors import TooManyFailures
from sayna.state.failure_counter import ASSOCIATIVITY, SETS, FailureLimiter


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def refused(budget: FailureLimiter, client: str) -> int | None:
    """Return for how many seconds an address is refused, if it is."""
    try:
        budget.check(client)
    except TooManyFailures as error:
        return error.retry_after
    return None


def test_no_minute_has_more_failures_than_allowed(clock: Clock) -> None:
    budget, failures = FailureLimiter(5), []
    for _ in range(600):
        if refused(budget, "a") is None:
            budget.record_failure("a")
            failures.append(clock.now)
        clock.now += 1.7
    assert len(failures) > 50
    assert all(later - first >= 59 for first, later in zip(failures, failures[5:], strict=False))


def test_refusal_says_when_it_ends(clock: Clock) -> None:
    budget = FailureLimiter(3)
    assert [budget.record_failure("a") for _ in range(3)] == [False, False, True]
    assert refused(budget, "a") == 60
    clock.now += 59
    assert refused(budget, "a") == 1
    clock.now += 1
    assert refused(budget, "a") is None
    assert budget.record_failure("a") is False


def test_addresses_are_counted_apart(clock: Clock) -> None:
    budget = FailureLimiter(1)
    for number in range(1000):
        assert budget.record_failure(f"10.0.{number >> 8}.{number & 255}")
    assert refused(budget, "10.0.0.7") == 60
    assert refused(budget, "10.1.0.7") is None


def test_memory_does_not_grow_and_who_failed_last_is_remembered(clock: Clock) -> None:
    budget = FailureLimiter(2)
    for number in range(4 * SETS * ASSOCIATIVITY):
        budget.record_failure(f"{number}")
        clock.now += 0.001
    clock.now += 1
    budget.record_failure("a")
    budget.record_failure("a")
    for number in range(100):
        budget.record_failure(f"other {number}")
    assert refused(budget, "a") is not None
    assert len(budget._memory) < 2**20


def test_all_processes_count_together() -> None:
    budget = FailureLimiter(20)
    for _ in range(4):
        child = os.fork()
        if child == 0:
            for _ in range(5):
                budget.record_failure("a")
            os._exit(0)
        os.waitpid(child, 0)
    assert refused(budget, "a") is not None
    assert refused(budget, "b") is None
