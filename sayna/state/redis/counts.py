"""The Counter and the UsageStore of all machines, each changed by scripts."""

import json
import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from sayna.state.call_keys import UNCERTAIN_SECONDS
from sayna.state.locks import digest
from sayna.state.ports import (
    CallSlot,
    Characters,
    CharactersExhausted,
    ConcurrencyLimitReached,
    Counter,
    RateLimitReached,
    UsageKey,
    UsageStore,
)
from sayna.state.redis.client import RedisClient

KEPT_SECONDS = 400 * 86400


class RedisCounter(Counter):
    """Counts calls of each tenant; without `at_a_time` there are no slots."""

    def __init__(self, client: RedisClient, *, per_minute: int, at_a_time: int | None) -> None:
        self._client = client
        self._per_minute = per_minute
        self._at_a_time = at_a_time

    def acquire(self, tenant: str, room: str, identity: str) -> str:
        slot = secrets.token_hex(8)
        most = -1 if self._at_a_time is None else self._at_a_time
        keys = [_key(tenant, "begun"), _key(tenant, "slots")]
        outcome, retry_after = self._client.run("call_acquire", keys, slot, self._per_minute, most, room, identity)
        if outcome == b"minute":
            raise RateLimitReached(max(1, retry_after))
        if outcome == b"busy":
            raise ConcurrencyLimitReached
        return slot

    def confirm(self, tenant: str, slot: str) -> None:
        if self._at_a_time is not None:
            self._client.run("call_confirm", [_key(tenant, "slots")], slot)

    def release(self, tenant: str, slots: Iterable[str]) -> None:
        ids = list(slots)
        if self._at_a_time is not None and ids:
            self._client.call("hdel", _key(tenant, "slots"), *ids)

    def oldest(self, tenant: str, count: int) -> list[CallSlot]:
        if self._at_a_time is None:
            return []
        now, rows = self._client.run("call_slots", [_key(tenant, "slots")])
        if len(rows) < 2 * self._at_a_time:
            return []
        found = [(id_.decode(), json.loads(text)) for id_, text in zip(rows[::2], rows[1::2], strict=True)]
        found.sort(key=lambda slot: float(slot[1]["at"]))
        since = float(now) - UNCERTAIN_SECONDS
        certain = [(id_, slot) for id_, slot in found if slot["placed"] or float(slot["at"]) < since]
        return [CallSlot(id_, slot["room"], slot["identity"]) for id_, slot in certain[:count]]


def _key(tenant: str, name: str) -> str:
    # Braces name the part of a key that chooses its node in a cluster; the name of a tenant must not close them.
    return f"sayna:{{calls:{quote(tenant, safe='')}}}:{name}"


class RedisUsage(UsageStore):
    """Counts characters of all machines; what this machine counted in `files` before is added once."""

    def __init__(self, client: RedisClient, files: UsageStore | None = None) -> None:
        self._client = client
        self._files = files
        self._imported: set[str] = set()

    def spend(self, key: UsageKey, characters: int, *, limit: int | None) -> int:
        self._import(key.month)
        arguments = *_sums(key), characters, "" if limit is None else limit, KEPT_SECONDS
        total: int = self._client.run("usage_spend", _month_keys(key.month), *arguments)
        if total < 0:
            raise CharactersExhausted
        return total

    def refund(self, key: UsageKey, characters: int) -> None:
        self._client.run("usage_refund", _month_keys(key.month), *_sums(key), characters)

    def add(self, counts: Mapping[UsageKey, Characters]) -> None:
        # All counts of a month in one step: what failed halfway would be added twice.
        for month in {key.month for key in counts}:
            self._import(month)
            rows = _rows({key: count for key, count in counts.items() if key.month == month})
            self._client.run("usage_add", _month_keys(month), KEPT_SECONDS, *rows)

    def month(self, month: str, tenant: str | None = None) -> dict[UsageKey, Characters]:
        self._import(month)
        found: dict[UsageKey, Characters] = {}
        rows = self._client.call("hgetall", _month_keys(month)[0])
        for field, value in sorted(rows.items()):
            owner, provider, kind = field.decode().split("|")
            if provider and kind in ("billed", "saved") and tenant in (None, owner):
                setattr(found.setdefault(UsageKey(owner, month, provider), Characters()), kind, int(value))
        return found

    def is_first_warning(self, tenant: str, month: str, limit: int) -> bool:
        keys, field = _month_keys(month)[:1], _field(tenant, "", f"warned-{limit}")
        return bool(self._client.run("usage_warn", keys, field, secrets.token_hex(8)))

    def _import(self, month: str) -> None:
        if self._files is None or month in self._imported:
            return
        if rows := _rows(self._files.month(month)):
            # With REDIS_URL the file does not change any more, so its counts have one mark.
            mark = _field("", "", f"imported-{digest(repr(rows))}")
            self._client.run("usage_import", _month_keys(month)[:1], KEPT_SECONDS, mark, *rows)
        self._imported.add(month)


def _rows(counts: Mapping[UsageKey, Characters]) -> list[object]:
    rows: list[object] = []
    for key, count in sorted(counts.items(), key=str):
        total, billed = _sums(key)
        rows += total, count.billed, billed, count.billed, _field(key.tenant, key.provider, "saved"), count.saved
    return rows


def _sums(key: UsageKey) -> tuple[str, str]:
    """Return the fields of the tenant's sum and of its provider's, which change together."""
    return _field(key.tenant, "", "total"), _field(key.tenant, key.provider, "billed")


def _month_keys(month: str) -> list[str]:
    name = f"sayna:{{usage:{month}}}"
    return [name, f"{name}:change:{secrets.token_hex(16)}"]


def _field(tenant: str, provider: str, kind: str) -> str:
    # Neither a tenant nor a provider has this sign in its name.
    return f"{tenant}|{provider}|{kind}"
