"""Guessing of tokens, against several workers behind the shipped nginx."""

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.blueprints.rooms import AUTH, bearer
from tests.e2e.conftest import StartNginx, StartServer
from tests.e2e.wire import Address

AT_A_TIME = 8


def guess(address: Address, source: str, **headers: str) -> int:
    """Return the status of one request on a connection of its own, from one of this machine's addresses."""
    client = http.client.HTTPConnection("sayna.test")
    client.sock = address.connect(source)
    with closing(client):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request("GET", "/sip/hooks", headers={"Authorization": "Bearer guess", **given})
        return client.getresponse().status


def test_guesses_are_counted_over_all_workers_by_the_address_that_nginx_sees(
    tmp_path: Path, server: StartServer, nginx: StartNginx
) -> None:
    path = tmp_path / "sayna.sock"
    sayna = server(at=Address(path=path), **AUTH, WEB_CONCURRENCY="4", WEB_THREADS="8")
    public = nginx(path).address

    told = [guess(public, "127.0.0.2", X_Forwarded_For=f"203.0.113.{number}") for number in range(30)]
    assert told == [401] * 20 + [429] * 10
    assert guess(public, "127.0.0.2", **bearer("a")) == 429
    assert guess(public, "127.0.0.3", **bearer("a")) == 200

    # On connections of their own the workers share the guesses; those under way at once are all judged.
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        asked = pool.map(lambda _: guess(sayna.address, "", X_Forwarded_For="198.51.100.1"), range(120))
        found = Counter(asked)
    assert 20 <= found[401] <= 20 + AT_A_TIME
    assert found[401] + found[429] == 120
    assert sayna.log.count('"event": "auth_failures"') >= 2
