"""The settings of a server that has several machines."""

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from sayna.config.clips import long_secret
from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.secret import Secret
from sayna.config.types import choice, matching

PORT, SENTINEL_PORT = 6379, 26379
_PATHS = {"server": "()(?:/([0-9]{0,4}))?", "sentinel": "/([A-Za-z0-9._-]+)(?:/([0-9]{0,4}))?", "cluster": "()()/?"}
_SCHEME = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?|unix")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_WANTS = (
    "redis://host:6379/0, rediss:// with TLS, unix:///path, redis+sentinel://host:26379,host/NAME/0 or"
    " redis+cluster://host,host, each with user:password@ where Redis wants them"
)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is: its nodes, the sentinels that know the master `name`, or the path of a socket."""

    kind: str
    nodes: tuple[tuple[str, int], ...] = ()
    name: str = ""
    path: str = ""
    db: int = 0
    username: str | None = None
    password: Secret | None = None
    has_tls: bool = False


def _address(text: str) -> RedisAddress:
    parts = urlsplit(text) if text.isprintable() else None
    found = _SCHEME.fullmatch(parts.scheme) if parts else None
    if parts is None or found is None or parts.query or parts.fragment:
        raise InvalidValue("is not a URL of Redis")
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    kind = found[2] or ("socket" if parts.scheme == "unix" else "server")
    master, db = _path(kind, parts.path)
    return RedisAddress(
        kind,
        () if kind == "socket" else _nodes(hosts, kind),
        name=master,
        path=unquote(parts.path) if kind == "socket" else "",
        db=db,
        username=unquote(name) or None,
        password=Secret(unquote(password)) if at and password else None,
        has_tls=parts.scheme.startswith("rediss"),
    )


def _nodes(text: str, kind: str) -> tuple[tuple[str, int], ...]:
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    found = [_HOST.fullmatch(each) for each in text.split(",")]
    if kind == "server" and len(found) > 1:
        raise InvalidValue("names several hosts, which only redis+sentinel and redis+cluster may have")
    nodes = tuple((each[1].strip("[]"), int(each[2] or port)) for each in found if each)
    if len(nodes) < len(found) or any(not 0 < each < 65536 for _, each in nodes):  # noqa: PLR2004
        raise InvalidValue("has a host or a port that is not valid")
    return nodes


def _path(kind: str, path: str) -> tuple[str, int]:
    """Return the name of the master and the number of the database."""
    if kind == "socket":
        return "", 0
    if (found := re.fullmatch(_PATHS[kind], path)) is None:
        raise InvalidValue("has a wrong path")
    return found[1], int(found[2] or 0)


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """What all machines of one server share."""

    redis: RedisAddress | None = setting("REDIS_URL", SettingType(_address, _WANTS, secret=True), None)
    secret: Secret | None = setting("SAYNA_SECRET", long_secret, None, yaml="server.secret")

    clips_store: str | None = setting(
        "CLIPS_STORE", choice("redis", "recordings", "none"), None, shown="redis with REDIS_URL"
    )
    clips_redis: RedisAddress | None = setting("CLIPS_REDIS_URL", SettingType(_address, _WANTS, secret=True), None)
    clips_prefix: str = setting(
        "CLIPS_PREFIX",
        matching(
            "[A-Za-z0-9][A-Za-z0-9._=-]*(?:/[A-Za-z0-9][A-Za-z0-9._=-]*)*", "a path of letters, digits and . _ = -"
        ),
        "clips",
    )

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for what several machines need beside REDIS_URL, and for what needs REDIS_URL."""
        if self.redis is None:
            for name in sorted(given & {"CLIPS_STORE", "CLIPS_REDIS_URL"}):
                yield f"{name} is set without REDIS_URL, by which machines find each other; set both or none."
            return
        if self.clips_redis is not None and self.clips_store not in (None, "redis"):
            yield f"CLIPS_REDIS_URL and CLIPS_STORE={self.clips_store} name two places for clips; set one of the two."
        if self.secret is None:
            yield "REDIS_URL needs SAYNA_SECRET, one for all machines; set it to the output of `openssl rand -hex 32`."
        if importlib.util.find_spec("redis") is None:
            yield "REDIS_URL needs the packages of requirements-redis.txt; run scripts/install requirements-redis.txt."
