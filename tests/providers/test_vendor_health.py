import pytest

from sayna.providers.vendor_health import FAILURES, OPEN_SECONDS, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tripped(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES):
        breaker.failed()
    return breaker


def test_a_handful_of_failures_changes_nothing(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)

    for _ in range(FAILURES - 1):
        breaker.failed()

    assert breaker.retry_in() == 0


def test_a_success_begins_a_new_count(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)

    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed()
        breaker.succeeded()

    assert breaker.retry_in() == 0


def test_many_failures_in_a_row_give_the_vendor_a_rest(tripped: CircuitBreaker, clock: Clock) -> None:
    assert tripped.retry_in() == OPEN_SECONDS
    clock.now += OPEN_SECONDS - 1
    assert tripped.retry_in() == 1


def test_failures_that_were_under_way_do_not_prolong_the_rest(tripped: CircuitBreaker, clock: Clock) -> None:
    clock.now += 1
    tripped.failed()

    assert tripped.retry_in() == OPEN_SECONDS - 1


def test_one_call_tries_after_the_rest(tripped: CircuitBreaker, clock: Clock) -> None:
    clock.now += OPEN_SECONDS

    assert [tripped.retry_in() for _ in range(3)] == [0, OPEN_SECONDS, OPEN_SECONDS]


def test_a_try_that_succeeds_ends_it(tripped: CircuitBreaker, clock: Clock) -> None:
    clock.now += OPEN_SECONDS
    tripped.retry_in()
    tripped.succeeded()

    assert [tripped.retry_in() for _ in range(3)] == [0, 0, 0]


def test_a_try_that_fails_or_never_ends_is_followed_by_another(tripped: CircuitBreaker, clock: Clock) -> None:
    for fails in (True, False):
        clock.now += OPEN_SECONDS
        assert tripped.retry_in() == 0
        if fails:
            tripped.failed()
        assert tripped.retry_in() == OPEN_SECONDS
