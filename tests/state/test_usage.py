"""UsageStore: characters by tenant, month and provider, with limits that are exact over threads and processes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import SimpleQueue, get_context
from pathlib import Path

import pytest

from sayna.config.connections import RedisAddress
from sayna.state.ports import Characters, CharactersExhausted, UsageKey, UsageStore
from sayna.state.redis.client import RedisClient
from sayna.state.redis.counts import RedisUsage
from sayna.state.usage_table import SQLiteUsage

Stores = Callable[[], UsageStore]

KEY = UsageKey("a", "2026-11", "deepgram")
OTHER = UsageKey("a", "2026-11", "azure")


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.e2e)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """Return a maker of stores that share their state, for each implementation."""
    if request.param == "redis":
        address: RedisAddress = request.getfixturevalue("empty_redis")
        return lambda: RedisUsage(RedisClient(address, answer_timeout=10))
    return lambda: SQLiteUsage(tmp_path / "state", wait_seconds=60)


def test_limit_counts_all_providers_of_a_tenant_and_month(stores: Stores) -> None:
    first, second = stores(), stores()
    assert first.spend(KEY, 60, limit=100) == 60
    assert second.spend(OTHER, 40, limit=100) == 100
    with pytest.raises(CharactersExhausted):
        first.spend(KEY, 1, limit=100)
    assert first.spend(UsageKey("b", "2026-11", "deepgram"), 100, limit=100) == 100
    assert first.spend(UsageKey("a", "2026-12", "deepgram"), 100, limit=100) == 100
    assert second.month("2026-11", "a") == {OTHER: Characters(40), KEY: Characters(60)}
    assert set(second.month("2026-11")) == {KEY, OTHER, UsageKey("b", "2026-11", "deepgram")}


def test_refused_characters_are_not_counted(stores: Stores) -> None:
    store = stores()
    with pytest.raises(CharactersExhausted):
        store.spend(KEY, 101, limit=100)
    assert store.month("2026-11") == {}


def test_refund_gives_characters_back_and_never_more(stores: Stores) -> None:
    store = stores()
    store.spend(KEY, 100, limit=100)
    store.refund(KEY, 30)
    assert store.spend(KEY, 30, limit=100) == 100
    store.refund(KEY, 5000)
    assert store.month("2026-11") == {KEY: Characters(0)}


def test_added_counts_are_summed(stores: Stores) -> None:
    store = stores()
    store.spend(KEY, 10, limit=None)
    for _ in range(2):
        store.add({KEY: Characters(saved=7), OTHER: Characters(billed=2)})
    assert store.month("2026-11") == {KEY: Characters(10, 14), OTHER: Characters(4)}


def test_warning_is_first_once_for_each_limit(stores: Stores) -> None:
    both = [stores(), stores()]
    firsts = [store.is_first_warning("a", "2026-11", limit) for limit in (100, 200) for store in both]
    assert firsts == [True, False, True, False]
    assert both[0].is_first_warning("a", "2026-12", 100)


def spend_often(store: UsageStore, spent: "SimpleQueue[int]", *, threads: int, limit: int) -> None:
    """Tell how many of the threads could spend."""

    def spend(_: int) -> bool:
        try:
            store.spend(KEY, 7, limit=limit)
        except CharactersExhausted:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        spent.put(sum(pool.map(spend, range(threads))))


def test_two_hundred_spenders_share_a_limit_exactly(stores: Stores) -> None:
    # 100 * 7 characters fit, and 4 more do not.
    context = get_context("fork")
    spent = context.SimpleQueue()
    limits = {"threads": 50, "limit": 704}
    workers = [context.Process(target=spend_often, args=(stores(), spent), kwargs=limits) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert sum(spent.get() for _ in workers) == 100
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert stores().month("2026-11") == {KEY: Characters(700)}


@pytest.mark.e2e
def test_counts_of_the_file_are_added_to_redis_once(empty_redis: RedisAddress, tmp_path: Path) -> None:
    files = [SQLiteUsage(tmp_path / name) for name in ("old", "new")]
    files[0].add({KEY: Characters(60, 7)})
    stores = [RedisUsage(RedisClient(empty_redis, answer_timeout=10), each) for each in (*files, *files)]
    assert stores[1].spend(KEY, 1, limit=100) == 1
    assert stores[0].spend(OTHER, 30, limit=100) == 91
    with pytest.raises(CharactersExhausted):
        stores[2].spend(KEY, 10, limit=100)
    assert stores[3].month("2026-11") == {KEY: Characters(61, 7), OTHER: Characters(30)}
