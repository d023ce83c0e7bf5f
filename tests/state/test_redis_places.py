"""Every kind of REDIS_URL on the real programs: a socket, sentinels with a failover, and a cluster."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from sayna.config import load_config
from sayna.errors import StoreUnavailable
from sayna.state.ports import AlreadyBegun
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import Leases, RedisOnce
from sayna.state.redis.shared_state import redis_state
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import answers, free_port, started

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def run(stack: ExitStack, folder: Path, *more: str, port: int | None = None) -> Redis:
    folder.mkdir()
    server = Redis(folder, *more, port=port)
    return stack.enter_context(started(server, lambda: answers(server.address)))


def client_of(url: str) -> RedisClient:
    address = load_config({"REDIS_URL": url, "SAYNA_SECRET": "s" * 32}).fleet.redis
    assert address is not None
    return RedisClient(address, answer_timeout=5)


def works(url: str, folder: Path) -> None:
    """Use every port of the state in Redis once."""
    config = load_config({"REDIS_URL": url, "SAYNA_SECRET": "s" * 32, "SIP_MAX_CONCURRENT_CALLS": "2"})
    assert config.fleet.redis is not None
    state = redis_state(config, config.fleet.redis, folder)
    assert state.check() == "ok"
    with state.identities.hold("bob", 1), state.call_keys.attempt("k") as attempt:
        attempt.begin(b"request")
        attempt.finish("answer")
    slot = state.calls.acquire("a", "r", "i")
    state.calls.confirm("a", slot)
    state.calls.release("a", [slot])
    for number in range(3):
        state.outbox.put(f"EV_{number}", host="h", owner="a", room="r", body="{}")
    for number in range(3):
        [(event_id, _)] = state.outbox.due(8)
        assert event_id == f"EV_{number}"
        delivery = state.outbox.get(event_id)
        assert delivery is not None
        state.outbox.remove(delivery)
    state.call_records.change("k", "g", lambda _: "text")
    assert state.call_records.members("g", 9) == ["text"]
    assert state.hooks is not None
    state.hooks.change("hooks", lambda _: b"[]")
    assert state.hooks.read("hooks") == b"[]"


def test_socket_is_a_place(stack: ExitStack, tmp_path: Path) -> None:
    run(stack, tmp_path / "redis", "--unixsocket", str(tmp_path / "redis.sock"))
    works(f"unix://{tmp_path}/redis.sock", tmp_path)


def test_numbered_database_is_a_place(stack: ExitStack, tmp_path: Path) -> None:
    redis = run(stack, tmp_path / "redis")
    works(redis.url.replace("/0", "/7"), tmp_path)
    assert b"db7" in redis.command("INFO", "keyspace")


def test_cluster_keeps_each_subject_on_one_node(stack: ExitStack, tmp_path: Path) -> None:
    nodes = [
        run(stack, tmp_path / f"{number}", "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        for number in range(3)
    ]
    ranges = [(0, 5460), (5461, 10922), (10923, 16383)]
    for node, (first, last) in zip(nodes, ranges, strict=True):
        assert node.command("CLUSTER", "ADDSLOTSRANGE", f"{first}", f"{last}").startswith(b"+OK")
        bus = node.command("CONFIG", "GET", "cluster-port").split(b"\r\n")[-2].decode()
        nodes[0].command("CLUSTER", "MEET", "127.0.0.1", f"{node.address.port}", bus)
    for words in (b"cluster_state:ok", b"cluster_known_nodes:3"):
        until(partial(_all_say, nodes, words, "CLUSTER", "INFO"), 60, "the cluster is up")
    works(f"redis+cluster://127.0.0.1:{nodes[1].address.port}", tmp_path)


def test_failover_loses_no_beginning(stack: ExitStack, tmp_path: Path) -> None:
    master = run(stack, tmp_path / "master")
    where = "127.0.0.1", f"{master.address.port}"
    replica = run(stack, tmp_path / "replica", "--replicaof", " ".join(where))
    until(lambda: b"state=online" in master.command("INFO", "replication"), 30, "the replica follows")
    sentinels = [_sentinel(stack, tmp_path / f"s{number}", *where) for number in range(3)]
    for words in (b"num-other-sentinels\r\n$1\r\n2", b"num-slaves\r\n$1\r\n1"):
        until(partial(_all_say, sentinels, words, "SENTINEL", "MASTERS"), 60, "the sentinels know each other")
    hosts = ",".join(f"127.0.0.1:{each.address.port}" for each in sentinels)
    client = client_of(f"redis+sentinel://{hosts}/calls/0")
    once = RedisOnce(client, Leases(client), "call", wait_seconds=10)
    with once.attempt("k") as attempt:
        attempt.begin(b"request")
    until(lambda: b"lag=0" in master.command("INFO", "replication"), 30, "the replica has it")
    master.signal(signal.SIGKILL)
    master.wait()
    until(lambda: client.check() == "ok", 60, "another master serves")
    assert b"role:master" in replica.command("INFO", "replication")
    with once.attempt("k") as attempt, pytest.raises(AlreadyBegun):
        attempt.begin(b"request")


def _all_say(servers: list[Redis], words: bytes, *command: str) -> bool:
    return all(words in server.command(*command) for server in servers)


def _sentinel(stack: ExitStack, folder: Path, host: str, port: str) -> Redis:
    folder.mkdir()
    config = folder / "sentinel.conf"
    config.write_text(
        f"sentinel monitor calls {host} {port} 2\nsentinel down-after-milliseconds calls 1000\n"
        "sentinel failover-timeout calls 5000\n"
    )
    server = Redis(folder, config=config)
    return stack.enter_context(started(server, lambda: answers(server.address)))


def test_sentinels_that_know_no_master_are_the_same_error() -> None:
    client = client_of(f"redis+sentinel://127.0.0.1:{free_port()}/calls")
    with pytest.raises(StoreUnavailable):
        client.ask(lambda redis: redis.ping())
