"""The SharedClips of all machines: sealed blobs that expire, an index by voice, and a stream of what was replaced."""

import hmac
import time
from collections.abc import Iterable
from contextlib import suppress

from sayna.errors import StoreUnavailable
from sayna.state.redis.broadcasts import READ_MS, clip_key
from sayna.state.redis.client import NOW, RedisClient
from sayna.state.speech_ports import ClipChange

MAX_BYTES = 2**20
# Calls need the same Redis: clips never take the last part of its memory.
MAX_SHARE = 0.8
MEMORY_INTERVAL = 10.0  # seconds
SEAL_BYTES = 32
MAX_CHANGES = 10_000
PREFIX = "sayna:{clips}:"
VOICES, CHANGES = f"{PREFIX}voices", f"{PREFIX}changes"

# KEYS: the sounds of a voice, the voices. ARGV: sound, ms of its life, voice. Sounds that have expired are removed.
INDEX = f"""{NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZADD', KEYS[2], 0, ARGV[3])
"""


class RedisClips:
    """Clips of sounds for `ttl_seconds`; a seal under `secret` keeps audio out that others have put into Redis."""

    def __init__(self, client: RedisClient, secret: bytes, machine: str, *, ttl_seconds: float) -> None:
        self._client = client
        self._secret = hmac.digest(secret, b"shared clips", "sha256")
        self._machine = machine
        self._ttl_ms = int(ttl_seconds * 1000)
        self._looked_at = float("-inf")
        self._has_room = True

    def opened(self, sound: str, sealed: bytes) -> bytes | None:
        """Return the blob of a sealed value, or None when any bit of it differs."""
        blob = sealed[SEAL_BYTES:]
        return blob if hmac.compare_digest(sealed[:SEAL_BYTES], self._seal(sound, blob)) else None

    def get(self, sound: str) -> bytes | None:
        """Return the blob of a sound; raises nothing."""
        with suppress(StoreUnavailable):
            found = self._client.call("get", clip_key(sound))
            return None if found is None else self.opened(sound, found)
        return None

    def put(self, sound: str, blob: bytes, voice: tuple[str, str], *, replaces: bool) -> None:
        """Store the blob of a sound, unless it is too large or Redis too full; raises nothing."""
        with suppress(StoreUnavailable):
            if len(blob) <= MAX_BYTES and self._can_store():
                sealed, label = self._seal(sound, blob) + blob, "\n".join(voice)
                self._client.call("set", clip_key(sound), sealed, px=self._ttl_ms)
                self._client.run(INDEX, [f"{PREFIX}of:{label}", VOICES], sound, self._ttl_ms, label)
            elif replaces:
                self._client.call("delete", clip_key(sound))
            if replaces:
                self._tell({"sound": sound, "provider": voice[0], "voice": voice[1]})

    def clear(self, provider: str | None, voice: str | None) -> int:
        """Remove the blobs of a provider, a voice, both, or all; return their number. Raises StoreUnavailable."""
        removed = 0
        for label in self._voices(provider, voice):
            key = f"{PREFIX}of:{label}"
            for sound in self._client.call("zrange", key, 0, -1):
                name = clip_key(sound.decode())
                removed += self._client.call("delete", name)
            self._client.call("delete", key)
            self._client.call("zrem", VOICES, label)
        self._tell({"provider": provider or "", "voice": voice or ""})
        return removed

    def remove(self, sounds: Iterable[str]) -> None:
        """Remove the blobs of sounds; raises StoreUnavailable."""
        for sound in sounds:
            self._client.call("delete", clip_key(sound))
            self._tell({"sound": sound})

    def changes(self, since: str) -> tuple[list[ClipChange], str]:
        """Return the changes that other machines made since a position, and the position after them.

        Waits a quarter of a second when there is none. "" is the position now. Raises StoreUnavailable.
        """
        if not since:
            last = self._client.call("xrevrange", CHANGES, count=1)
            return [], last[0][0].decode() if last else "0-0"
        first = self._client.call("xrange", CHANGES, count=1)
        length = self._client.call("xlen", CHANGES)
        if length >= MAX_CHANGES and _number(first[0][0].decode()) > _number(since):
            return [ClipChange()], first[0][0].decode()
        found = self._client.call("xread", {CHANGES: since}, block=READ_MS)
        entries = found[0][1] if found else []
        told = [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries]
        changes = [
            ClipChange(each.get("provider") or None, each.get("voice") or None, each.get("sound"))
            for each in told
            if each["machine"] != self._machine
        ]
        return changes, entries[-1][0].decode() if entries else since

    def _tell(self, change: dict[str, str]) -> None:
        fields = {**change, "machine": self._machine}
        self._client.call("xadd", CHANGES, fields, maxlen=MAX_CHANGES, approximate=True)

    def _voices(self, provider: str | None, voice: str | None) -> list[str]:
        labels = [each.decode() for each in self._client.call("zrange", VOICES, 0, -1)]
        wanted = [(label, *label.split("\n", 1)) for label in labels]
        return [label for label, slug, id_ in wanted if provider in (None, slug) and voice in (None, id_)]

    def _can_store(self) -> bool:
        if time.monotonic() - self._looked_at > MEMORY_INTERVAL:
            self._looked_at = time.monotonic()
            memory = self._client.call("info", "memory")
            limit = memory.get("maxmemory", 0)
            self._has_room = not limit or memory["used_memory"] < MAX_SHARE * limit
        return self._has_room

    def _seal(self, sound: str, blob: bytes) -> bytes:
        return hmac.digest(self._secret, sound.encode() + b":" + blob, "sha256")


def _number(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split("-")))
