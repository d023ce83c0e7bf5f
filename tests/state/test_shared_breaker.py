"""The breaker of providers that all workers share."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

from sayna.state.shared_breaker import MAX_OPEN_SECONDS, OPEN_SECONDS, SharedBreaker

ROW, OTHER = 3, 4


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> SharedBreaker:
    return SharedBreaker(8, clock)


def test_one_failure_opens_it_for_a_period(breaker: SharedBreaker, clock: FakeClock) -> None:
    assert breaker.claim(ROW)
    breaker.failed(ROW, is_probe=False)

    assert breaker.has_failed(ROW)
    clock.now += OPEN_SECONDS - 0.1
    assert not breaker.claim(ROW)
    assert breaker.claim(OTHER)


def test_one_probe_is_let_through_after_a_period(breaker: SharedBreaker, clock: FakeClock) -> None:
    breaker.failed(ROW, is_probe=False)
    clock.now += OPEN_SECONDS

    assert [breaker.claim(ROW) for _ in range(200)].count(True) == 1
    breaker.succeeded(ROW)
    assert all(breaker.claim(ROW) for _ in range(3))


def test_period_doubles_with_each_failed_probe_up_to_a_minute(breaker: SharedBreaker, clock: FakeClock) -> None:
    breaker.failed(ROW, is_probe=False)
    periods = []
    for _ in range(6):
        waited = 0.0
        while not breaker.claim(ROW):
            clock.now += 1
            waited += 1
        periods.append(waited)
        breaker.failed(ROW, is_probe=True)

    assert periods == [OPEN_SECONDS, 10, 20, 40, MAX_OPEN_SECONDS, MAX_OPEN_SECONDS]


def test_one_call_tries_an_unknown_provider_and_the_others_wait(breaker: SharedBreaker, clock: FakeClock) -> None:
    assert breaker.try_first(ROW, 0)
    assert not breaker.try_first(ROW, 0)

    breaker.answered(ROW)
    assert breaker.try_first(ROW, 0)
    assert breaker.try_first(ROW, 0)
    clock.now += OPEN_SECONDS
    assert [breaker.try_first(ROW, 0) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("outcome", ["answered", "failed", "withdrawn"])
def test_waiting_call_learns_the_outcome_of_the_first(outcome: str) -> None:
    breaker = SharedBreaker(8)
    assert breaker.try_first(ROW, 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(breaker.try_first, ROW, 60)
        if outcome == "answered":
            breaker.answered(ROW)
        elif outcome == "failed":
            breaker.failed(ROW, is_probe=False)
        else:
            breaker.withdraw(ROW)

        assert waiting.result(30) is (outcome != "failed")


def test_late_failures_of_earlier_calls_do_not_count(breaker: SharedBreaker, clock: FakeClock) -> None:
    for _ in range(50):
        breaker.failed(ROW, is_probe=False)
    clock.now += OPEN_SECONDS

    assert breaker.claim(ROW)


def test_failure_may_say_for_how_long(breaker: SharedBreaker, clock: FakeClock) -> None:
    breaker.failed(ROW, is_probe=False, seconds=30)
    clock.now += 29

    assert not breaker.claim(ROW)
    clock.now += 1
    assert breaker.claim(ROW)


def test_probe_that_never_returns_is_followed_by_another(breaker: SharedBreaker, clock: FakeClock) -> None:
    breaker.failed(ROW, is_probe=False)
    clock.now += OPEN_SECONDS
    assert breaker.claim(ROW)
    clock.now += OPEN_SECONDS

    assert breaker.claim(ROW)
    assert not breaker.claim(ROW)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_every_process_sees_the_failure_of_one(breaker: SharedBreaker, clock: FakeClock) -> None:
    fork = multiprocessing.get_context("fork")
    failing = fork.Process(target=breaker.failed, args=(ROW,), kwargs={"is_probe": False})
    failing.start()
    failing.join()
    assert not breaker.claim(ROW)

    clock.now += OPEN_SECONDS
    results = fork.SimpleQueue()
    workers = [fork.Process(target=_claim, args=(breaker, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [results.get() for _ in workers].count(True) == 1


def _claim(breaker: SharedBreaker, results: "multiprocessing.SimpleQueue[bool]") -> None:
    results.put(breaker.claim(ROW))
