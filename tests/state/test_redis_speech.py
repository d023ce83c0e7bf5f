"""Broadcasts and clips in Redis: one machine leads, the others read it, and a fault is never an end."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event

import pytest

from sayna.config.connections import RedisAddress
from sayna.state.redis.broadcasts import RedisBroadcasts, clip_key
from sayna.state.redis.client import RedisClient
from sayna.state.redis.clip_store import MAX_CHANGES, RedisChanges, RedisClips
from sayna.state.redis.leases import Leases
from sayna.state.speech_ports import Broadcast, ClipChange

pytestmark = pytest.mark.e2e
SOUND, KEY = "5" * 64, "5" * 64 + "-30000"
DEEPGRAM = ("deepgram", "anna")


def machine(address: RedisAddress, name: str = "one") -> RedisBroadcasts:
    client = RedisClient(address, answer_timeout=10)
    return RedisBroadcasts(client, Leases(client), name)


def changes_of(address: RedisAddress, name: str) -> RedisChanges:
    return RedisChanges(RedisClient(address, answer_timeout=10), name)


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
    assert leads.wait(60)
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


def test_machine_that_joins_learns_that_the_clip_is_stored(empty_redis: RedisAddress) -> None:
    leader = machine(empty_redis).join(SOUND, KEY)
    leader.close(is_stored=True)
    joined = machine(empty_redis, "two").join(SOUND, KEY)
    assert joined.is_stored
    assert not joined.is_leader
    store = RedisClips(RedisClient(empty_redis, answer_timeout=10), ttl_seconds=100)
    # What join() saw is only a mark, and not a clip.
    assert list(store.walk(None, None)) == []
    assert store.put(clip_key(SOUND), b"clip", *DEEPGRAM)
    assert store.get(clip_key(SOUND)) == b"clip"
    assert machine(empty_redis, "two").join(SOUND, KEY).is_stored


def test_clips_never_fill_a_redis_that_keeps_calls(empty_redis: RedisAddress) -> None:
    client = RedisClient(empty_redis, answer_timeout=10)
    client.call("config_set", "maxmemory", "1gb")
    try:
        assert RedisClips(client, ttl_seconds=100).put(clip_key(SOUND), b"clip", *DEEPGRAM)
        client.call("config_set", "maxmemory", str(int(client.facts()["used_memory"]) + 2**18))
        assert not RedisClips(client, ttl_seconds=100).put(clip_key(SOUND), b"clip", *DEEPGRAM)
        client.call("config_set", "maxmemory-policy", "allkeys-lru")
        assert RedisClips(client, ttl_seconds=100).put(clip_key(SOUND), b"clip", *DEEPGRAM)
    finally:
        client.call("config_set", "maxmemory-policy", "noeviction")
        client.call("config_set", "maxmemory", "0")


def test_other_machines_learn_what_was_replaced(empty_redis: RedisAddress) -> None:
    one, two = changes_of(empty_redis, "one"), changes_of(empty_redis, "two")
    _, since = two.since("")
    told = [ClipChange(*DEEPGRAM, SOUND), ClipChange("deepgram"), ClipChange(sound=SOUND), ClipChange()]
    for change in told:
        one.tell(change)
    two.tell(ClipChange(*DEEPGRAM, SOUND))
    changes, position = two.since(since)
    assert changes == told
    assert two.since(position) == ([], position)


def test_entries_of_other_programs_change_nothing(empty_redis: RedisAddress) -> None:
    one, two, client = (
        changes_of(empty_redis, "one"),
        changes_of(empty_redis, "two"),
        RedisClient(empty_redis, answer_timeout=10),
    )
    since = two.since("")[1]
    for foreign in ({"foo": "bar"}, {"machine": "x", "sound": b"\xff"}, {b"\xff": "x"}):
        client.call("xadd", "sayna:{clips}:changes", foreign)
    one.tell(ClipChange(sound="a"))
    changes, position = two.since(since)
    assert changes == [ClipChange(sound="a")]
    assert two.since(position)[0] == []


@pytest.mark.parametrize("position", ["17-", "x", "1-1\n"])
def test_machine_with_a_damaged_position_clears_everything(empty_redis: RedisAddress, position: str) -> None:
    one, two = changes_of(empty_redis, "one"), changes_of(empty_redis, "two")
    one.tell(ClipChange(sound="a"))
    changes, following = two.since(position)
    assert changes == [ClipChange()]
    assert two.since(following)[0] == []


def test_keys_of_other_programs_are_no_clips(empty_redis: RedisAddress) -> None:
    client = RedisClient(empty_redis, answer_timeout=10)
    clips = RedisClips(client, ttl_seconds=60)
    for name, provider in ((b"sayna:{a\xff}:clip", "x"), (b"sayna:{}:clip", "x"), (b"sayna:{b}:clip", b"\xff")):
        client.call("hset", name, mapping={"clip": "c", "provider": provider, "voice": "v"})
    assert [each.sound for each in clips.walk(None, None)] == ["b"]


def test_machine_that_missed_changes_clears_everything(empty_redis: RedisAddress) -> None:
    one, client = changes_of(empty_redis, "one"), RedisClient(empty_redis, answer_timeout=10)
    for number in range(MAX_CHANGES + 200):
        client.call("xadd", "sayna:{clips}:changes", {"sound": f"{number}", "machine": "x"}, maxlen=MAX_CHANGES)
    changes, position = one.since("1-0")
    assert changes == [ClipChange()]
    assert one.since(position)[0]
