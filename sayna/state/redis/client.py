"""The connection to Redis: short timeouts, one error, and a pause after a fault, so that no outage delays requests."""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

from sayna.config.connections import RedisAddress
from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.state.files import Check

CONNECT_TIMEOUT = 0.25  # seconds
PAUSE_SECONDS = 1.0
MAX_CONNECTIONS = 256

# What Redis does in one step. All times are those of Redis, so that the clocks of the machines need not agree.
SCRIPTS = {path.stem: path.read_text("utf-8") for path in Path(__file__).with_name("scripts").glob("*.lua")}

T = TypeVar("T")


class RedisClient:
    """Asks Redis, `answer_timeout` in seconds; `ca_pem` are authorities of the operator beside the public ones."""

    def __init__(self, address: RedisAddress, *, ca_pem: str = "", answer_timeout: float = 0.5) -> None:
        self._connect: Callable[[], Any] = partial(_connect, address, ca_pem, answer_timeout)
        self._client: Any = None
        self._paused_until = 0.0
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.redis"))

    def ask(self, question: Callable[[Any], T]) -> T:
        """Return what `question` gets from the client of redis-py; raises StoreUnavailable.

        For a second after a timeout or a lost connection, every question fails at once. A command is sent twice
        when Redis closes the connection before its answer, so each command must be safe to repeat.
        """
        if time.monotonic() < self._paused_until:
            raise _unavailable()
        try:
            # The first connection to a cluster already asks its nodes, so it belongs into the same try.
            if self._client is None:
                self._client = self._connect()
            return question(self._client)
        except (redis.RedisError, RedisClusterException, OSError) as error:
            # A refused command, such as one above maxmemory, says nothing about the next one.
            if not isinstance(error, redis.ResponseError):
                self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._rate_limited_log.warn("Redis cannot be used: %r", error)
            raise _unavailable() from error

    def call(self, command: str, *arguments: object, **options: object) -> Any:
        """Return the answer to a command, by the name that redis-py gives it; raises StoreUnavailable."""
        return self.ask(lambda client: getattr(client, command)(*arguments, **options))

    def run(self, script: str, keys: list[str], *arguments: object) -> Any:
        """Return the result of a script, by the name of its file in scripts/; raises StoreUnavailable."""
        return self.call("eval", SCRIPTS[script], len(keys), *keys, *arguments)

    def facts(self) -> dict[str, str]:
        """Return version and settings as Redis tells them by INFO; raises StoreUnavailable."""
        return {name: str(value) for name, value in self.call("info").items()}

    def check(self) -> Check:
        """Return `failed` when Redis cannot store anything now, otherwise `ok`."""
        try:
            self.call("set", "sayna:{check}", "1", px=1000)
        except StoreUnavailable:
            return "failed"
        return "ok"


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the server cannot store this now; try again", retry_after=1)


def _connect(address: RedisAddress, ca_pem: str, answer_timeout: float) -> Any:
    """Return a client; every timeout, retry and limit is set here, because the defaults of redis-py are too patient."""
    options: dict[str, Any] = {
        "username": address.username,
        "password": address.password.reveal() if address.password else None,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": answer_timeout,
        # At once, and only for a lost connection: Redis may have closed an idle one. A retry after a timeout
        # would double the time that a request waits.
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        "max_connections": MAX_CONNECTIONS,
        "protocol": 2,
        # Texts of others may have half a surrogate pair.
        "encoding_errors": "surrogatepass",
        **(_tls(ca_pem) if address.has_tls else {}),
    }
    if address.kind == "cluster":
        return RedisCluster(startup_nodes=[ClusterNode(*node) for node in address.nodes], **options)
    if address.kind == "sentinel":
        without_login = {name: value for name, value in options.items() if name not in ("username", "password")}
        sentinel = Sentinel(address.nodes, sentinel_kwargs=without_login, **options)
        return sentinel.master_for(address.name, db=address.db)
    if address.kind == "socket":
        return redis.Redis(unix_socket_path=address.path, **options)
    [(host, port)] = address.nodes
    return redis.Redis(host, port, address.db, **options)


def _tls(ca_pem: str) -> dict[str, Any]:
    import certifi  # noqa: PLC0415 - needed only with TLS

    return {"ssl": True, "ssl_check_hostname": True, "ssl_ca_data": f"{certifi.contents()}\n{ca_pem}"}
