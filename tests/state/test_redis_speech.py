"""Broadcasts and clips in Redis: one machine leads, the others read it, and a fault is never an end."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event

import pytest

from sayna.config.fleet import RedisAddress
from sayna.state.redis.broadcasts import RedisBroadcasts, clip_key
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import Leases
from sayna.state.redis.shared_clips import MAX_BYTES, RedisClips
from sayna.state.speech_ports import Broadcast, ClipChange

pytestmark = pytest.mark.e2e
SOUND, KEY = "5" * 64, "5" * 64 + "-30000"
DEEPGRAM = ("deepgram", "anna")


def machine(address: RedisAddress, name: str = "one") -> RedisBroadcasts:
    client = RedisClient(address, answer_timeout=10)
    return RedisBroadcasts(client, Leases(client), name)


def clips(address: RedisAddress, name: str = "one", secret: bytes = b"s" * 32) -> RedisClips:
    return RedisClips(RedisClient(address, answer_timeout=10), secret, name, ttl_seconds=1000)


def rest(broadcast: Broadcast) -> bytes:
    """Return all that is written until the leader is gone."""
    found, is_over = b"", False
    while not is_over:
        frames, is_over = broadcast.read()
        found += frames
    return found


def test_second_machine_reads_what_the_first_one_writes(empty_redis: RedisAddress) -> None:
    leader = machine(empty_redis).join(SOUND, KEY)
    assert leader.is_leader
    assert not leader.has_followers()
    leader.write(b"one ")
    follower = machine(empty_redis, "two").join(SOUND, KEY)
    assert not follower.is_leader
    assert leader.has_followers()
    leader.write(b"two ")
    leader.write(b"three")
    leader.close()
    assert rest(follower) == b"one two three"
    follower.close()
    assert machine(empty_redis, "two").join(SOUND, KEY).is_leader


def test_follower_that_left_does_not_count(empty_redis: RedisAddress) -> None:
    leader = machine(empty_redis).join(SOUND, KEY)
    follower = machine(empty_redis, "two").join(SOUND, KEY)
    follower.close()
    assert not leader.has_followers()


def test_leader_without_words_keeps_its_lease(empty_redis: RedisAddress) -> None:
    leader = machine(empty_redis).join(SOUND, KEY)
    follower = machine(empty_redis, "two").join(SOUND, KEY)
    # More reads than fit into a lease that nobody renews.
    assert [follower.read() for _ in range(20)] == [(b"", False)] * 20
    leader.close()
    assert follower.read() == (b"", True)


def test_leader_that_lost_its_lease_is_not_read(empty_redis: RedisAddress) -> None:
    first = machine(empty_redis)
    stalled = first.join(SOUND, KEY)
    stalled.write(b"old")
    first.client.call("flushall")
    leader = machine(empty_redis, "two").join(SOUND, KEY)
    assert leader.is_leader
    follower = machine(empty_redis, "three").join(SOUND, KEY)
    stalled.write(b"late")
    leader.write(b"new")
    stalled.close()
    leader.close()
    assert rest(follower) == b"new"


def lead_until_killed(address: RedisAddress, name: str, leads: Event) -> None:
    machine(address, name).join(SOUND, KEY).write(b"begin")
    leads.set()
    threading.Event().wait()


@pytest.mark.parametrize(("name", "leads_at_once"), [("one", True), ("two", False)])
def test_lead_of_a_killed_worker_passes_on(empty_redis: RedisAddress, name: str, *, leads_at_once: bool) -> None:
    context = multiprocessing.get_context("fork")
    leads = context.Event()
    worker = context.Process(target=lead_until_killed, args=(empty_redis, "one", leads))
    worker.start()
    assert leads.wait(20)
    assert worker.pid is not None
    assert not machine(empty_redis, name).join(SOUND, KEY).is_leader
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    worker.close()
    joined = machine(empty_redis, name).join(SOUND, KEY)
    assert joined.is_leader is leads_at_once
    if not leads_at_once:
        assert rest(joined) == b"begin"
        assert machine(empty_redis, name).join(SOUND, KEY).is_leader


def test_stored_clip_is_found_by_who_joins(empty_redis: RedisAddress) -> None:
    store = clips(empty_redis)
    store.put(SOUND, b"blob", DEEPGRAM, replaces=False)
    joined = machine(empty_redis, "two").join(SOUND, KEY)
    assert not joined.is_leader
    assert joined.clip is not None
    assert clips(empty_redis, "two").opened(SOUND, joined.clip) == b"blob"
    assert clips(empty_redis, "two").get(SOUND) == b"blob"


def test_planted_and_moved_clips_are_refused(empty_redis: RedisAddress) -> None:
    store = clips(empty_redis)
    store.put(SOUND, b"blob", DEEPGRAM, replaces=False)
    client = RedisClient(empty_redis)
    client.call("set", clip_key("6" * 64), client.call("get", clip_key(SOUND)))
    assert store.get("6" * 64) is None
    client.call("set", clip_key(SOUND), b"planted audio of any length that is longer than a seal")
    assert store.get(SOUND) is None
    assert clips(empty_redis, secret=b"o" * 32).get(SOUND) is None


def test_large_clips_are_not_shared(empty_redis: RedisAddress) -> None:
    store = clips(empty_redis)
    store.put(SOUND, b"blob", DEEPGRAM, replaces=False)
    store.put(SOUND, b"x" * (MAX_BYTES + 1), DEEPGRAM, replaces=True)
    assert store.get(SOUND) is None


def test_clear_removes_the_clips_of_a_voice(empty_redis: RedisAddress) -> None:
    store = clips(empty_redis)
    for number, voice in enumerate([("deepgram", "a"), ("deepgram", "b"), ("azure", "a")]):
        store.put(f"{number}" * 64, b"blob", voice, replaces=False)
    assert store.clear("deepgram", "a") == 1
    assert (store.get("0" * 64), store.get("1" * 64)) == (None, b"blob")
    assert store.clear(None, "a") == 1
    assert store.clear(None, None) == 1


def test_other_machines_learn_what_was_replaced(empty_redis: RedisAddress) -> None:
    one, two = clips(empty_redis), clips(empty_redis, "two")
    _, since = two.changes("")
    one.put(SOUND, b"blob", DEEPGRAM, replaces=False)
    one.put(SOUND, b"new", DEEPGRAM, replaces=True)
    one.clear("deepgram", None)
    two.put(SOUND, b"own", DEEPGRAM, replaces=True)
    changes, position = two.changes(since)
    assert changes == [ClipChange("deepgram", "anna", SOUND), ClipChange("deepgram")]
    assert two.changes(position) == ([], position)


def test_machine_that_missed_changes_clears_everything(empty_redis: RedisAddress) -> None:
    one, client = clips(empty_redis), RedisClient(empty_redis)
    for number in range(10_200):
        client.call("xadd", "sayna:{clips}:changes", {"sound": f"{number}", "machine": "x"}, maxlen=10_000)
    changes, position = one.changes("1-0")
    assert changes == [ClipChange()]
    assert one.changes(position)[0]
