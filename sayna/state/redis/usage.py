"""The UsageStore of all machines: the characters of a month in one hash of Redis."""

import secrets
from collections.abc import Mapping

from sayna.state.ports import Characters, CharactersExhausted, UsageKey, UsageStore
from sayna.state.redis.client import RedisClient
from sayna.state.redis.leases import digest

KEPT_SECONDS = 400 * 86400

# KEYS: the month, this change. ARGV: field of the tenant's sum, of its provider, characters, limit or nothing, seconds.
# A change that Redis has made already is not made again, because a client repeats it when the answer was lost.
SPEND = """
local total = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if redis.call('EXISTS', KEYS[2]) == 1 then return total end
if ARGV[4] ~= '' and total + ARGV[3] > tonumber(ARGV[4]) then return -1 end
redis.call('SET', KEYS[2], '1', 'PX', 10000)
redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[3])
"""
REFUND = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local back = math.min(tonumber(ARGV[3]), tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0'))
redis.call('SET', KEYS[2], '1', 'PX', 10000)
redis.call('HINCRBY', KEYS[1], ARGV[1], -back)
redis.call('HINCRBY', KEYS[1], ARGV[2], -back)
return back
"""
WARN = """
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] and 1 or 0
"""


# KEYS: the month. ARGV: seconds, mark of the counts, then fields and their numbers.
IMPORT = """
if redis.call('HSETNX', KEYS[1], ARGV[2], '1') == 0 then return 0 end
for index = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1]) end
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


class RedisUsage(UsageStore):
    """Counts characters of all machines; what this machine counted in `files` before is added once."""

    def __init__(self, client: RedisClient, files: UsageStore | None = None) -> None:
        self._client = client
        self._files = files
        self._imported: set[str] = set()

    def spend(self, key: UsageKey, characters: int, *, limit: int | None) -> int:
        self._import(key.month)
        fields = _field(key.tenant, "", "total"), _field(key.tenant, key.provider, "billed")
        arguments = *fields, characters, "" if limit is None else limit, KEPT_SECONDS
        total: int = self._client.run(SPEND, _keys(key.month), *arguments)
        if total < 0:
            raise CharactersExhausted
        return total

    def refund(self, key: UsageKey, characters: int) -> None:
        fields = _field(key.tenant, "", "total"), _field(key.tenant, key.provider, "billed")
        self._client.run(REFUND, _keys(key.month), *fields, characters)

    def add(self, counts: Mapping[UsageKey, Characters]) -> None:
        for key, count in counts.items():
            if count.billed:
                self.spend(key, count.billed, limit=None)
            fields = _field(key.tenant, "", "saved-total"), _field(key.tenant, key.provider, "saved")
            self._client.run(SPEND, _keys(key.month), *fields, count.saved, "", KEPT_SECONDS)

    def month(self, month: str, tenant: str | None = None) -> dict[UsageKey, Characters]:
        self._import(month)
        found: dict[UsageKey, Characters] = {}
        rows = self._client.ask(lambda client: client.hgetall(_keys(month)[0]))
        for field, value in sorted(rows.items()):
            owner, provider, kind = field.decode().split("|")
            if provider and kind in ("billed", "saved") and tenant in (None, owner):
                setattr(found.setdefault(UsageKey(owner, month, provider), Characters()), kind, int(value))
        return found

    def is_first_warning(self, tenant: str, month: str, limit: int) -> bool:
        token = secrets.token_hex(8)
        return bool(self._client.run(WARN, _keys(month)[:1], _field(tenant, "", f"warned-{limit}"), token))

    def _import(self, month: str) -> None:
        if self._files is None or month in self._imported:
            return
        rows: list[object] = []
        for key, count in sorted(self._files.month(month).items(), key=str):
            tenant, provider = key.tenant, key.provider
            rows += _field(tenant, "", "total"), count.billed, _field(tenant, provider, "billed"), count.billed
            rows += _field(tenant, provider, "saved"), count.saved
        if rows:
            # With REDIS_URL the file does not change any more, so its counts have one mark.
            mark = _field("", "", f"imported-{digest(repr(rows))}")
            self._client.run(IMPORT, _keys(month)[:1], KEPT_SECONDS, mark, *rows)
        self._imported.add(month)


def _keys(month: str) -> list[str]:
    name = f"sayna:{{usage:{month}}}"
    return [name, f"{name}:change:{secrets.token_hex(16)}"]


def _field(tenant: str, provider: str, kind: str) -> str:
    # Neither a tenant nor a provider has this sign in its name.
    return f"{tenant}|{provider}|{kind}"
