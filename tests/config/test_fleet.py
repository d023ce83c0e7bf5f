"""REDIS_URL and what it needs."""

import pytest

from sayna.config import ConfigError, Secret, load_config
from sayna.config.connections import RedisAddress

SHARED = {"SAYNA_SECRET": "s" * 32}
GOOD = [
    ("redis://h", RedisAddress("server", (("h", 6379),))),
    ("redis://u:p%40ss@h:1/7", RedisAddress("server", (("h", 1),), db=7, username="u", password=Secret("p@ss"))),
    ("redis://:p@[::1]:1", RedisAddress("server", (("::1", 1),), password=Secret("p"))),
    ("rediss://h/", RedisAddress("server", (("h", 6379),), has_tls=True)),
    ("unix:///run/redis.sock", RedisAddress("socket", path="/run/redis.sock")),
    ("unix://u:p@/run/r.sock", RedisAddress("socket", path="/run/r.sock", username="u", password=Secret("p"))),
    ("redis+sentinel://a,b:2/calls/3", RedisAddress("sentinel", (("a", 26379), ("b", 2)), name="calls", db=3)),
    ("rediss+cluster://a,b", RedisAddress("cluster", (("a", 6379), ("b", 6379)), has_tls=True)),
]
BAD = [
    ("http://h", "is not a URL of Redis"),
    ("h:6379", "is not a URL of Redis"),
    ("redis://h?db=1", "is not a URL of Redis"),
    ("redis://", "has a host or a port that is not valid"),
    ("redis://h:0", "has a host or a port that is not valid"),
    ("redis://h:65536", "has a host or a port that is not valid"),
    ("redis://a,b", "names several hosts"),
    ("redis://h/x", "has a wrong path"),
    ("redis+sentinel://h", "has a wrong path"),
    ("redis+cluster://h/1", "has a wrong path"),
    ("redis+tunnel://h", "is not a URL of Redis"),
    ("redis://[::1", "is not a URL of Redis"),
    ("unix://", "has a wrong path"),
    ("unix://run/redis.sock", "has a wrong path"),
]


@pytest.mark.parametrize(("url", "address"), GOOD, ids=[url for url, _ in GOOD])
def test_url_says_where_redis_is(url: str, address: RedisAddress) -> None:
    config = load_config({"REDIS_URL": url, **SHARED})
    assert config.fleet.redis == address
    assert "p@ss" not in repr(config)


@pytest.mark.parametrize(("url", "reason"), BAD, ids=[url for url, _ in BAD])
def test_wrong_url_is_a_sentence_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"REDIS_URL": url.replace("://", "://u:canary@"), **SHARED})
    [problem] = caught.value.problems
    assert problem.startswith(f"REDIS_URL {reason}")
    assert "canary" not in problem


def test_redis_needs_the_secret_of_all_machines() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"REDIS_URL": "redis://h"})
    [problem] = caught.value.problems
    assert "openssl rand -hex 32" in problem
