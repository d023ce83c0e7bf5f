"""The implementations of the ports: each test of a port runs over all of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sayna.config.connections import RedisAddress
from sayna.state.blobs import FileBlobStore
from sayna.state.call_keys import SQLiteCounter, SQLiteOnce
from sayna.state.leader import FileLeader
from sayna.state.locks import FileLocks
from sayna.state.outbox import SQLiteOutbox
from sayna.state.ports import BlobStore, Counter, Leader, Lock, Once, Outbox, Records
from sayna.state.records import SQLiteRecords
from sayna.state.redis.client import RedisClient
from sayna.state.redis.counts import RedisCounter
from sayna.state.redis.leases import Leases, RedisLeader, RedisLocks, RedisOnce
from sayna.state.redis.texts import RedisBlobStore, RedisOutbox, RedisRecords
from tests.e2e.redis_server import Redis
from tests.e2e.servers import answers, started


@dataclass(frozen=True, slots=True)
class Backend:
    """Makes objects of one implementation; two objects of a port share their state, as workers do."""

    lock: Callable[[], Lock]
    leader: Callable[[], Leader]
    once: Callable[..., Once]
    counter: Callable[..., Counter]
    outbox: Callable[..., Outbox]
    records: Callable[..., Records]
    blobs: Callable[..., BlobStore]


def embedded(folder: Path) -> Backend:
    """Return the implementation in files."""

    def once(*, wait_seconds: float = 5.0, **limits: Any) -> Once:
        return SQLiteOnce(folder, "answers", FileLocks(folder, "answer"), wait_seconds=wait_seconds, **limits)

    return Backend(
        lock=lambda: FileLocks(folder, "room"),
        leader=lambda: FileLeader(folder),
        once=once,
        counter=lambda **limits: SQLiteCounter(folder, **{"per_minute": 1000, "at_a_time": None, **limits}),
        outbox=lambda **limits: SQLiteOutbox(folder, **limits),
        records=lambda **limits: SQLiteRecords(folder, "history", **limits),
        blobs=lambda **limits: FileBlobStore(folder, **limits),
    )


def in_redis(address: RedisAddress) -> Backend:
    """Return the implementation in Redis; each object has its own connections, as each process does."""

    def parts() -> tuple[RedisClient, Leases]:
        client = RedisClient(address, answer_timeout=10)
        return client, Leases(client)

    return Backend(
        lock=lambda: RedisLocks(parts()[1], "room"),
        leader=lambda: RedisLeader(parts()[1]),
        once=lambda **limits: RedisOnce(*parts(), "answer", **{"wait_seconds": 5.0, **limits}),
        counter=lambda **limits: RedisCounter(parts()[0], **{"per_minute": 1000, "at_a_time": None, **limits}),
        outbox=lambda **limits: RedisOutbox(parts()[0], **limits),
        records=lambda **limits: RedisRecords(parts()[0], **limits),
        blobs=lambda **limits: RedisBlobStore(*parts(), None, **limits),
    )


SERVERS = ("redis-server", "valkey-server")


@pytest.fixture(params=["embedded", *(pytest.param(each, marks=pytest.mark.e2e) for each in SERVERS)])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Return each implementation in turn."""
    if request.param == "embedded":
        return embedded(tmp_path / "state")
    return in_redis(emptied(request.getfixturevalue("redis_servers"), request.param))


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Redis]]:
    """A real Redis and a real Valkey for all tests of a worker, each started for the first test that needs it."""
    with ExitStack() as stack:

        @cache
        def start(program: str) -> Redis:
            server = Redis(tmp_path_factory.mktemp(program), program=program)
            return stack.enter_context(started(server, lambda: answers(server.address)))

        yield start


def emptied(start: Callable[[str], Redis], program: str) -> RedisAddress:
    """Return where an empty server is."""
    server = start(program)
    server.command("FLUSHALL")
    return RedisAddress("server", (("127.0.0.1", server.address.port),))


@pytest.fixture
def empty_redis(redis_servers: Callable[[str], Redis]) -> RedisAddress:
    """Return where an empty Redis is."""
    return emptied(redis_servers, "redis-server")
