"""The Broadcasts of all machines: a lease elects the machine that leads, a stream of Redis carries its frames.

The name of the stream has the leader's token, so a leader that was taken for dead writes where no machine reads. A
stream without its last frame is lost.
"""

import contextlib
import os
import secrets
import time

from sayna.errors import StoreUnavailable
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import LEASE_MS, Lease, Leases
from sayna.state.speech_ports import Broadcast, Broadcasts

# Reading again for so long finds a new leader, a dead one, or a follower that has left.
READ_MS = 250
FOLLOWER_MS = 3000
FOLLOW_INTERVAL = 1.0  # seconds
STREAM_MS = 90_000
ENDED_MS = 10_000


def clip_key(sound: str) -> str:
    """Return where the clip of a sound is, or a mark that it is stored: beside its broadcasts, for one script."""
    return f"sayna:{{{sound}}}:clip"


def _place(sound: str, key: str) -> str:
    return f"sayna:{{{sound}}}:{key}:"


class RedisBroadcasts(Broadcasts):
    """Syntheses that all machines share; a process of this machine that died loses the lead at once."""

    def __init__(self, client: RedisClient, leases: Leases, machine: str) -> None:
        self.client = client
        self.leases = leases
        self._machine = machine

    def join(self, sound: str, key: str) -> Broadcast:
        dead = ""
        while True:
            token = f"{self._machine}:{os.getpid()}:{secrets.token_hex(8)}"
            place = _place(sound, key)
            keys = [f"{place}lease", f"{place}followers", clip_key(sound)]
            said = self.client.run("broadcast_join", keys, token, dead, LEASE_MS, FOLLOWER_MS, STREAM_MS)
            leader = said[0].decode()
            if leader and leader != token and self._is_dead(leader):
                dead = leader
                continue
            return _RedisBroadcast(self, sound, key, token, leader)

    def _is_dead(self, leader: str) -> bool:
        machine, pid, _ = leader.split(":")
        if machine != self._machine:
            return False
        try:
            os.kill(int(pid), 0)
        except OSError as error:
            return isinstance(error, ProcessLookupError)
        return False


class _RedisBroadcast(Broadcast):
    def __init__(self, owner: RedisBroadcasts, sound: str, key: str, token: str, leader: str) -> None:
        place = _place(sound, key)
        self.is_stored = not leader
        self.is_leader = leader == token
        self._client = owner.client
        self._leases = owner.leases
        self._lease = Lease(f"{place}lease", None, token=token)
        self._followers = f"{place}followers"
        self._clip = clip_key(sound)
        self._stream = f"{place}frames:{leader}"
        self._leader = leader
        self._seen = "0-0"
        self._follows_until = time.monotonic() + FOLLOW_INTERVAL
        self._is_over = self.is_stored
        if self.is_leader:
            self._leases.keep(self._lease)

    def write(self, frames: bytes) -> None:
        if self._is_over or self._lease.ended.is_set():
            return
        keys, is_written = [self._lease.key, self._stream], False
        with contextlib.suppress(StoreUnavailable):
            is_written = self._client.run("broadcast_write", keys, self._lease.token, frames, LEASE_MS, STREAM_MS)
        if not is_written:
            # A stream with a gap must never get its last frame.
            self._lease.ended.set()

    def read(self) -> tuple[bytes, bool]:
        if time.monotonic() > self._follows_until:
            self._follows_until = time.monotonic() + FOLLOW_INTERVAL
            self._client.run("broadcast_follow", [self._followers], self._lease.token, FOLLOWER_MS)
        if frames := self._frames(READ_MS):
            return frames, False
        if self._client.call("get", self._lease.key) == self._leader.encode():
            return b"", False
        return self._frames(None), True

    def has_followers(self) -> bool:
        if self._is_over or not self.is_leader:
            return False
        with contextlib.suppress(StoreUnavailable):
            return bool(self._client.run("broadcast_count", [self._followers]))
        return False

    def close(self, *, is_stored: bool = False) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._leases.drop(self._lease)
        with contextlib.suppress(StoreUnavailable):
            keys = [self._lease.key, self._stream, self._followers, self._clip]
            self._client.run("broadcast_leave", keys, self._lease.token, ENDED_MS, int(is_stored))

    def _frames(self, wait_ms: int | None) -> bytes:
        found = self._client.call("xread", {self._stream: self._seen}, block=wait_ms)
        if not found:
            return b""
        entries = found[0][1]
        self._seen = entries[-1][0].decode()
        return b"".join(fields[b"f"] for _, fields in entries)
