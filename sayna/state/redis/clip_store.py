"""The clips of all machines in Redis, and the stream by which machines tell each other what was replaced."""

import re
import time
from collections.abc import Iterator, Mapping

from sayna.state.redis.broadcasts import READ_MS, clip_key
from sayna.state.redis.client import RedisClient
from sayna.state.speech_ports import ClipChange, ClipChanges, ClipStore, StoredClip

MAX_BYTES = 2**20
# Calls need the same Redis: clips never take the last part of its memory.
MAX_SHARE = 0.8
MEMORY_INTERVAL = 10.0  # seconds
MAX_CHANGES = 10_000
CHANGES = "sayna:{clips}:changes"
# Other programs may write to the same Redis.
CLIP = re.compile(rb"sayna:\{([A-Za-z0-9_-]+)\}:clip")
POSITION = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


class RedisClips(ClipStore):
    """Clips of at most `max_bytes` for `ttl_seconds`; `is_joined` when they are in the Redis of the broadcasts.

    Another Redis may remove clips when it is full, so there is no list of them: walk() scans the keys.
    """

    def __init__(
        self, client: RedisClient, *, ttl_seconds: float, max_bytes: int = MAX_BYTES, is_joined: bool = True
    ) -> None:
        self.is_joined = is_joined
        self._client = client
        self._max_bytes = max_bytes
        self._ttl_ms = int(ttl_seconds * 1000)
        self._looked_at = float("-inf")
        self._has_room = True

    def name(self, sound: str, provider: str, voice: str) -> str:
        return clip_key(sound)

    def get(self, name: str) -> bytes | None:
        clip: bytes | None = self._client.call("hget", name, "clip")
        return clip

    def put(self, name: str, clip: bytes, provider: str, voice: str) -> bool:
        if len(clip) > self._max_bytes or not self._can_store():
            return False
        self._client.run("clip_put", [name], clip, provider, voice, self._ttl_ms)
        return True

    def delete(self, name: str) -> None:
        self._client.call("delete", name)

    def walk(self, provider: str | None, voice: str | None) -> Iterator[StoredClip]:
        keys = self._client.ask(lambda client: list(client.scan_iter("sayna:{*}:clip", 1000, "HASH")))
        for match in filter(None, map(CLIP.fullmatch, keys)):
            key, sound = match[0].decode(), match[1].decode()
            found = self._client.call("hmget", key, "provider", "voice")
            # It may have expired meanwhile.
            if None in found:
                continue
            slug, spoken = (each.decode(errors="replace") for each in found)
            if provider in (None, slug) and voice in (None, spoken):
                yield StoredClip(key, sound, slug, self._client.call("hstrlen", key, "clip"))

    def _can_store(self) -> bool:
        if time.monotonic() - self._looked_at > MEMORY_INTERVAL:
            self._looked_at = time.monotonic()
            memory = self._client.call("info", "memory")
            limit = memory.get("maxmemory", 0)
            may_evict = memory.get("maxmemory_policy", "noeviction") != "noeviction"
            self._has_room = not limit or may_evict or memory["used_memory"] < MAX_SHARE * limit
        return self._has_room


class RedisChanges(ClipChanges):
    """The changes that machines tell each other; a machine that missed more than MAX_CHANGES removes all clips."""

    def __init__(self, client: RedisClient, machine: str) -> None:
        self._client = client
        self._machine = machine

    def tell(self, change: ClipChange) -> None:
        told = {"sound": change.sound, "provider": change.provider, "voice": change.voice, "machine": self._machine}
        fields = {name: value for name, value in told.items() if value is not None}
        self._client.call("xadd", CHANGES, fields, maxlen=MAX_CHANGES, approximate=True)

    def since(self, position: str) -> tuple[list[ClipChange], str]:
        if not POSITION.fullmatch(position):
            last = self._client.call("xrevrange", CHANGES, count=1)
            # A file that was damaged does not say which changes were missed, so all clips go.
            return [ClipChange()] if position else [], last[0][0].decode() if last else "0-0"
        first = self._client.call("xrange", CHANGES, count=1)
        length = self._client.call("xlen", CHANGES)
        if length >= MAX_CHANGES and _number(first[0][0].decode()) > _number(position):
            return [ClipChange()], first[0][0].decode()
        found = self._client.call("xread", {CHANGES: position}, block=READ_MS)
        entries = found[0][1] if found else []
        changes = [change for _, fields in entries if (change := self._change(fields))]
        return changes, entries[-1][0].decode() if entries else position

    def _change(self, fields: Mapping[bytes, bytes]) -> ClipChange | None:
        """Return a change of another machine, None for an entry of this one or of another program."""
        try:
            told = {name.decode(): value.decode() for name, value in fields.items()}
        except UnicodeDecodeError:
            return None
        if told.get("machine") in (None, self._machine):
            return None
        return ClipChange(told.get("provider"), told.get("voice"), told.get("sound"))


def _number(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split("-")))
