"""Requests over TLS: certificates, deadlines, and connections that another thread aborts."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sayna import http
from sayna.http.connection_pool import pool, tls_context
from tests.http.exchange import AUDIO, LATE, LATE_RESPONSES, SOON, assert_close_wakes_the_reader, send
from tests.wire import FaultServer, answers
from tests.wire.certificates import Authority
from tests.wire.server import Answer


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    authority = Authority.create(tmp_path)
    yield authority
    pool.cache_clear()
    tls_context.cache_clear()


def trust(authority: Authority) -> None:
    """Have the pool of this test, which is thrown away after it, trust one authority more."""
    pool.cache_clear()
    tls_context.cache_clear()
    pool(filtered=False).connection_pool_kw["ssl_context"].load_verify_locations(authority.pem)


def test_tls_connection_is_reused(authority: Authority) -> None:
    trust(authority)
    with FaultServer(tls=authority.server()) as server:
        server.always(answers.whole(AUDIO))

        assert [send(server.url).read() for _ in range(2)] == [AUDIO, AUDIO]
        assert server.connections == 1


@pytest.mark.parametrize("flaw", ["unknown authority", "expired", "wrong host"])
def test_peer_is_unreachable_when_its_certificate_is_bad(authority: Authority, flaw: str) -> None:
    if flaw != "unknown authority":
        trust(authority)
    host = "127.0.0.2" if flaw == "wrong host" else "127.0.0.1"
    with FaultServer(tls=authority.server(host, expired=flaw == "expired")) as server:
        with pytest.raises(http.Unreachable):
            send(server.url)

        assert server.hits == []


@pytest.mark.parametrize(
    "answer", [LATE_RESPONSES["hang"], LATE_RESPONSES["drip in the head"], LATE_RESPONSES["drip in the body"]]
)
def test_deadline_limits_the_whole_exchange_over_tls(authority: Authority, answer: Answer) -> None:
    trust(authority)
    with FaultServer(tls=authority.server()) as server:
        server.always(answer)
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(server.url, seconds=SOON).read()

        assert time.monotonic() - started < LATE


def test_slow_lookup_counts_against_the_deadline(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(authority)
    resolve = socket.getaddrinfo

    def slowly(*args: Any, **options: Any) -> Any:
        time.sleep(5 * SOON)
        return resolve(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with FaultServer(tls=authority.server(), deaf=True) as deaf:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(deaf.url, seconds=6 * SOON, method="POST", data=b"x" * 30_000_000)

        assert time.monotonic() - started < 10.5 * SOON


def test_close_wakes_the_reading_thread_over_tls(authority: Authority) -> None:
    trust(authority)
    with FaultServer(tls=authority.server()) as server:
        assert_close_wakes_the_reader(server)

        assert server.left.wait(30)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_of_the_environment_are_not_trusted(
    name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.cache_clear()
    monkeypatch.setenv(name, str(authority.pem))
    with FaultServer(tls=authority.server()) as server, pytest.raises(http.Unreachable):
        send(server.url)
