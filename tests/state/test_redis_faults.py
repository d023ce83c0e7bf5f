"""Redis away, slow, full, restarted, or with other rights: one error at once, and never a second beginning."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sayna.cli.doctor.remote import check_redis
from sayna.config import load_config
from sayna.config.connections import RedisAddress
from sayna.config.types import Secret
from sayna.errors import StoreUnavailable
from sayna.services import build
from sayna.state.blobs import FileBlobStore
from sayna.state.leader import LeaderThread
from sayna.state.ports import AlreadyBegun, Characters, UsageKey
from sayna.state.redis.broadcasts import RedisBroadcasts
from sayna.state.redis.client import RedisClient
from sayna.state.redis.clip_store import RedisChanges, RedisClips
from sayna.state.redis.counts import RedisCounter, RedisUsage
from sayna.state.redis.leases import Leases, RedisLeader, RedisOnce
from sayna.state.redis.texts import RedisBlobStore, RedisOutbox, RedisRecords
from sayna.state.speech_ports import ClipChange
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import ROOT, answers, free_port, started
from tests.wire.certificates import Authority

pytestmark = pytest.mark.e2e
StartRedis = Callable[..., Redis]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartRedis]:
    with ExitStack() as stack:

        def redis(*more: str, port: int | None = None) -> Redis:
            server = Redis(tmp_path, *more, port=port)
            return stack.enter_context(started(server, lambda: answers(server.address)))

        yield redis


def client_of(redis: Redis, *, answer_timeout: float = 10) -> RedisClient:
    """Return a client that waits for Redis on a busy machine, unless the fault is that Redis is slow."""
    address = RedisAddress("server", (("127.0.0.1", redis.address.port),))
    return RedisClient(address, answer_timeout=answer_timeout)


class GoesAway(RedisClient):
    """A client whose Redis is away after its first change."""

    is_away = False

    def run(self, script: str, keys: list[str], *arguments: object) -> Any:
        if self.is_away:
            raise StoreUnavailable("away")
        self.is_away = True
        return super().run(script, keys, *arguments)


def test_counts_are_added_all_or_none(start: StartRedis) -> None:
    redis = start()
    away = GoesAway(RedisAddress("server", (("127.0.0.1", redis.address.port),)), answer_timeout=10)
    counts = {UsageKey("a", "2026-11", slug): Characters(5, 7) for slug in ("azure", "deepgram")}
    RedisUsage(away).add(counts)

    # Counts that were not stored are added again later, so a part of them would count twice.
    assert RedisUsage(client_of(redis)).month("2026-11") == counts


def test_refused_connection_is_one_error_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    client = RedisClient(RedisAddress("server", (("127.0.0.1", free_port()),)))
    for _ in range(20):
        with pytest.raises(StoreUnavailable) as caught:
            RedisCounter(client, per_minute=1, at_a_time=None).acquire("a", "r", "i")
        assert caught.value.retry_after == 1
    assert client.check() == "failed"
    assert len([each for each in caplog.records if each.name == "sayna.redis"]) == 1


def test_silent_redis_delays_one_question_a_second(start: StartRedis) -> None:
    redis = start()
    client = client_of(redis, answer_timeout=0.5)
    until(lambda: client.check() == "ok", 60, "Redis is asked")
    redis.signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        for _ in range(1000):
            assert client.check() == "failed"
            if time.monotonic() - begun > 0.9:
                break
        else:
            # All but the first question failed at once.
            assert time.monotonic() - begun < 30
    finally:
        redis.signal(signal.SIGCONT)
    until(lambda: client.check() == "ok", 60, "Redis is asked again")


def test_paused_redis_is_asked_again(start: StartRedis) -> None:
    redis = start()
    client = client_of(redis, answer_timeout=0.5)
    until(lambda: client.check() == "ok", 60, "Redis is asked")
    redis.command("CLIENT", "PAUSE", "5000", "ALL")
    assert client.check() == "failed"
    until(lambda: client.check() == "ok", 60, "Redis is asked again")


def test_work_that_began_before_a_crash_never_begins_again(start: StartRedis) -> None:
    redis = start("--appendonly", "yes", "--appendfsync", "always")
    once = RedisOnce(client_of(redis), Leases(client_of(redis)), "call", wait_seconds=10)
    with once.attempt("k") as attempt:
        attempt.begin(b"request")
        redis.signal(signal.SIGKILL)
        redis.wait()
        with pytest.raises(StoreUnavailable):
            attempt.finish("answer")
    again = start("--appendonly", "yes", port=redis.address.port)
    until(lambda: client_of(again).check() == "ok", 60, "Redis is back")
    later = RedisOnce(client_of(again), Leases(client_of(again)), "call", wait_seconds=10)
    with later.attempt("k") as attempt:
        earlier = attempt.earlier()
        assert earlier is not None
        assert earlier.result is None
        with pytest.raises(AlreadyBegun):
            attempt.begin(b"request")


def test_attempt_that_lost_its_lock_cannot_begin(start: StartRedis) -> None:
    redis = start()
    first = RedisOnce(client_of(redis), Leases(client_of(redis)), "call", wait_seconds=1)
    second = RedisOnce(client_of(redis), Leases(client_of(redis)), "call", wait_seconds=1)
    with first.attempt("k") as stalled:
        redis.command("FLUSHALL")
        with second.attempt("k") as attempt:
            attempt.begin(b"two")
        with pytest.raises(AlreadyBegun):
            stalled.begin(b"one")
        # What the stalled attempt says of the key no longer counts.
        stalled.cancel()
        stalled.finish("one")
    with first.attempt("k") as attempt:
        found = attempt.earlier()
    assert found is not None
    assert (found.request, found.result) == (b"two", None)


def test_full_redis_refuses_writes_and_answers_reads(start: StartRedis) -> None:
    redis = start("--maxmemory-policy", "noeviction")
    client = client_of(redis)
    records = RedisRecords(client)
    records.change("k", "g", lambda _: "kept")
    redis.command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreUnavailable):
        records.change("k", "g", lambda _: "new")
    assert client.check() == "failed"
    assert records.get("k") == "kept"
    redis.command("CONFIG", "SET", "maxmemory", "0")
    records.change("k", "g", lambda _: "new")
    assert records.get("k") == "new"


def test_shipped_rights_are_enough_for_every_port(start: StartRedis, tmp_path: Path) -> None:
    shipped = (ROOT / "deploy" / "redis-users.acl").read_text("utf-8")
    (tmp_path / "users.acl").write_text(shipped.replace("CHANGE-ME", "canary"))
    redis = start("--aclfile", str(tmp_path / "users.acl"))
    place = (("127.0.0.1", redis.address.port),)
    client = RedisClient(RedisAddress("server", place, username="sayna", password=Secret("canary")), answer_timeout=10)
    leases = Leases(client)
    assert client.check() == "ok"
    stop = threading.Event()
    with RedisLeader(leases).term("job", stop) as term:
        assert term is not None
    with RedisOnce(client, leases, "call", wait_seconds=1).attempt("k") as attempt:
        assert attempt.earlier() is None
        attempt.begin(b"")
        attempt.finish("")
        attempt.cancel()
    counter = RedisCounter(client, per_minute=9, at_a_time=1)
    slot = counter.acquire("a", "r", "i")
    counter.confirm("a", slot)
    assert counter.oldest("a", 9)
    counter.release("a", [slot])
    outbox = RedisOutbox(client)
    for number in range(2):
        outbox.put(f"EV_{number}", host="h", owner=None, room="r", body="{}")
    assert outbox.is_used()
    for event_id, _ in outbox.due(8):
        delivery = outbox.get(event_id)
        assert delivery is not None
        outbox.postpone(delivery)
        outbox.remove(delivery)
    records = RedisRecords(client, max_records=1)
    for key in ("a", "b"):
        records.change(key, "g", lambda _: "text")
    assert records.members("g", 9) == ["text"]
    usage, spent = RedisUsage(client), UsageKey("a", "2026-11", "deepgram")
    usage.spend(spent, 5, limit=9)
    usage.refund(spent, 5)
    usage.add({spent: Characters(1, 1)})
    assert usage.is_first_warning("a", "2026-11", 9)
    assert usage.month("2026-11") == {spent: Characters(1, 1)}
    RedisBlobStore(client, leases, None).change("hooks", lambda _: b"x")
    broadcast = RedisBroadcasts(client, leases, "one").join("5" * 64, "key")
    broadcast.write(b"frame")
    follower = RedisBroadcasts(client, leases, "two").join("5" * 64, "key")
    assert follower.read() == (b"frame", False)
    assert broadcast.has_followers()
    broadcast.close(is_stored=True)
    clips, changes = RedisClips(client, ttl_seconds=100), RedisChanges(client, "one")
    _, since = changes.since("")
    name = clips.name("5" * 64, "deepgram", "anna")
    assert clips.put(name, b"blob", "deepgram", "anna")
    assert clips.get(name) == b"blob"
    assert [each.name for each in clips.walk(None, None)] == [name]
    clips.delete(name)
    changes.tell(ClipChange())
    changes.since(since)


def test_wrong_password_and_missing_rights_are_the_same_error(
    start: StartRedis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "users.acl").write_text("user default off\nuser sayna on >canary ~other:* -@all +ping +get\n")
    redis = start("--aclfile", str(tmp_path / "users.acl"))
    place = (("127.0.0.1", redis.address.port),)
    for password in ("canary", "wrong-canary"):
        client = RedisClient(
            RedisAddress("server", place, username="sayna", password=Secret(password)), answer_timeout=10
        )
        assert client.check() == "failed"
    assert len(caplog.records) == 2
    assert "canary" not in caplog.text


def test_tls_trusts_the_authority_of_the_operator_only(start: StartRedis, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    authority.server()
    [chain] = set(tmp_path.glob("*.pem")) - {authority.pem}
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(chain), "--tls-key-file", str(chain)]
    start(*tls, "--tls-ca-cert-file", str(authority.pem), "--tls-auth-clients", "no")
    address = RedisAddress("server", (("127.0.0.1", port),), has_tls=True)
    assert RedisClient(address, ca_pem=authority.pem.read_text(), answer_timeout=10).check() == "ok"
    assert RedisClient(address, answer_timeout=10).check() == "failed"


def test_job_ends_before_another_machine_takes_it_over(start: StartRedis) -> None:
    redis = start()
    ended, taken = threading.Event(), threading.Event()
    order: list[str] = []

    def first(stop: threading.Event) -> None:
        redis.signal(signal.SIGSTOP)
        stop.wait()
        order.append("ended")
        ended.set()

    def second(stop: threading.Event) -> None:
        order.append("taken")
        taken.set()
        stop.wait()

    clients = [client_of(redis, answer_timeout=0.5) for _ in range(2)]
    jobs = zip(clients, (first, second), strict=True)
    threads = [LeaderThread(RedisLeader(Leases(client)), "job", job) for client, job in jobs]
    threads[0].start()
    try:
        assert ended.wait(60)
        threads[0].close()
    finally:
        redis.signal(signal.SIGCONT)
    threads[1].start()
    assert taken.wait(60)
    threads[1].close()
    assert order == ["ended", "taken"]


def test_lost_lease_ends_the_term(start: StartRedis) -> None:
    redis = start()
    with RedisLeader(Leases(client_of(redis))).term("job", threading.Event()) as term:
        assert term is not None
        redis.command("FLUSHALL")
        assert term.wait(60)


def test_hooks_of_the_file_are_imported_once(start: StartRedis, tmp_path: Path) -> None:
    files = FileBlobStore(tmp_path / "cache")
    files.change("sip_hooks.json", lambda _: b"[]\n")
    redis = start()
    client = client_of(redis)
    stores = [RedisBlobStore(client, Leases(client), folder) for folder in (files, None)]
    assert stores[1].read("sip_hooks.json") is None
    assert stores[0].read("sip_hooks.json") == b"[]\n"
    stores[1].change("sip_hooks.json", lambda value: (value or b"") + b"changed")
    files.change("sip_hooks.json", lambda _: b"old")
    assert stores[0].read("sip_hooks.json") == b"[]\nchanged"


def test_redis_is_not_loaded_without_its_setting(tmp_path: Path) -> None:
    program = (
        "import sys; from sayna.config import load_config; from sayna.services import build;"
        "build(load_config({})).close(); sys.exit('redis' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)})


@pytest.mark.parametrize(
    ("settings", "statuses"),
    [
        (("--appendonly", "yes"), ["ok"]),
        ((), ["warn", "ok"]),
        (("--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"), ["fail", "ok"]),
        (("--requirepass", "canary"), ["fail"]),
    ],
)
def test_doctor_says_what_redis_lacks(
    start: StartRedis, tmp_path: Path, settings: tuple[str, ...], statuses: list[str]
) -> None:
    redis = start(*settings)
    folder = {"CACHE_PATH": str(tmp_path / "cache")}
    services = build(load_config({"REDIS_URL": redis.url, "SAYNA_SECRET": "s" * 32, **folder}))
    found = list(check_redis(services))
    services.close()
    assert [each.status for each in found] == statuses
    assert all(each.advice for each in found if each.status != "ok")
