"""Counter: calls in a minute and calls at a time, exact over threads and processes."""

import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue

import pytest

from sayna.state.ports import CallSlot, ConcurrencyLimitReached, Counter, RateLimitReached
from tests.state.conftest import Backend


def test_calls_of_a_minute_are_counted_for_each_tenant(backend: Backend) -> None:
    first, second = backend.counter(per_minute=2), backend.counter(per_minute=2)
    first.acquire("a", "lobby", "bob")
    second.acquire("a", "lobby", "eve")
    with pytest.raises(RateLimitReached) as caught:
        first.acquire("a", "lobby", "joe")
    assert 50 <= caught.value.retry_after <= 60
    first.acquire("b", "lobby", "joe")


def test_slots_are_counted_until_they_are_released(backend: Backend) -> None:
    counter = backend.counter(at_a_time=2)
    slots = [counter.acquire("a", "lobby", "bob") for _ in range(2)]
    with pytest.raises(ConcurrencyLimitReached):
        counter.acquire("a", "lobby", "joe")
    counter.release("b", slots)
    with pytest.raises(ConcurrencyLimitReached):
        counter.acquire("a", "lobby", "joe")
    counter.release("a", slots[:1])
    counter.acquire("a", "lobby", "joe")


def test_refused_call_counts_in_neither_limit(backend: Backend) -> None:
    counter = backend.counter(per_minute=2, at_a_time=1)
    slot = counter.acquire("a", "lobby", "bob")
    with pytest.raises(ConcurrencyLimitReached):
        counter.acquire("a", "lobby", "eve")
    counter.release("a", [slot])
    counter.acquire("a", "lobby", "eve")


def test_oldest_slots_are_the_confirmed_ones_at_the_limit(backend: Backend) -> None:
    counter = backend.counter(at_a_time=2)
    first = counter.acquire("a", "lobby", "bob")
    counter.confirm("a", first)
    assert counter.oldest("a", 64) == []
    second = counter.acquire("a", "kitchen", "eve")
    assert counter.oldest("a", 64) == [CallSlot(first, "lobby", "bob")]
    counter.confirm("a", second)
    assert [slot.id for slot in counter.oldest("a", 64)] == [first, second]
    assert [slot.id for slot in counter.oldest("a", 1)] == [first]
    assert counter.oldest("b", 64) == []


def test_without_a_limit_there_are_no_slots(backend: Backend) -> None:
    counter = backend.counter()
    slot = counter.acquire("a", "lobby", "bob")
    counter.confirm("a", slot)
    counter.release("a", [slot])
    assert counter.oldest("a", 64) == []


def test_both_limits_are_exact_over_threads(backend: Backend) -> None:
    counters = [backend.counter(per_minute=30, at_a_time=20) for _ in range(3)]

    def is_granted(number: int) -> bool:
        counter: Counter = counters[number % 3]
        try:
            counter.acquire("a", "lobby", f"{number}")
        except (RateLimitReached, ConcurrencyLimitReached):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(is_granted, range(60))) == 20


def _count_granted(counter: Counter, granted: "SimpleQueue[int]") -> None:
    def is_granted(number: int) -> bool:
        try:
            counter.acquire("a", "lobby", f"{os.getpid()}-{number}")
        except ConcurrencyLimitReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        granted.put(sum(pool.map(is_granted, range(40))))


def test_limit_is_exact_over_threads_of_processes(backend: Backend) -> None:
    context = get_context("fork")
    granted: SimpleQueue[int] = context.SimpleQueue()
    workers = [context.Process(target=_count_granted, args=(backend.counter(at_a_time=40), granted)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
        worker.close()
    assert sum(granted.get() for _ in workers) == 40
    granted.close()
