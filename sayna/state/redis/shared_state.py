"""What all machines of a server share in Redis; the rest stays in the files of each machine."""

import secrets
from dataclasses import replace
from pathlib import Path

from sayna.config import Config
from sayna.config.connections import RedisAddress
from sayna.state.embedded import EVENT_WAIT, SharedState, embedded_state
from sayna.state.redis.broadcasts import RedisBroadcasts
from sayna.state.redis.client import RedisClient
from sayna.state.redis.clip_store import MAX_BYTES, RedisChanges, RedisClips
from sayna.state.redis.counts import RedisCounter, RedisUsage
from sayna.state.redis.leases import Leases, RedisLeader, RedisLocks, RedisOnce, RedisSlots
from sayna.state.redis.texts import RedisBlobStore, RedisOutbox, RedisRecords


def redis_state(config: Config, address: RedisAddress, folder: Path) -> SharedState:
    """Return the state in Redis; the first question connects.

    The locks of rooms stay in `folder`, because LiveKit's own claim of a room holds without them. So does the
    leader of jobs that work on the files of one machine.
    """
    client = _client(config, address)
    leases = Leases(client)
    files = embedded_state(config, folder)
    return replace(
        files,
        event_ids=RedisOnce(client, leases, "event", wait_seconds=EVENT_WAIT),
        call_keys=RedisOnce(client, leases, "call", wait_seconds=3 * config.livekit.timeout_seconds),
        identities=RedisLocks(leases, "identity"),
        calls=RedisCounter(client, per_minute=config.sip.calls_per_minute, at_a_time=config.sip.max_concurrent_calls),
        call_records=RedisRecords(client),
        outbox=RedisOutbox(client),
        usage=RedisUsage(client, files.usage),
        slots=RedisSlots(leases, files.slots),
        hooks=RedisBlobStore(client, leases, files.hooks),
        leader=RedisLeader(leases),
        check=client.check,
        facts=client.facts,
        broadcasts=RedisBroadcasts(client, leases, machine := secrets.token_hex(6)),
        clips=_clips(config, client),
        clip_changes=RedisChanges(client, machine),
    )


def _client(config: Config, address: RedisAddress) -> RedisClient:
    ca_pem = config.outbound.authorities.pem if config.outbound.authorities else ""
    return RedisClient(address, ca_pem=ca_pem, answer_timeout=config.fleet.redis_timeout)


def _clips(config: Config, client: RedisClient) -> RedisClips:
    """Return the clips in Redis; with CLIPS_STORE=none it takes none."""
    ttl, address = config.cache.ttl_seconds, config.fleet.clips_redis
    if address is not None:
        return RedisClips(_client(config, address), ttl_seconds=ttl, is_joined=False)
    return RedisClips(client, ttl_seconds=ttl, max_bytes=0 if config.fleet.clips_store == "none" else MAX_BYTES)
