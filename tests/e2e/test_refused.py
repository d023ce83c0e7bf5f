"""What gunicorn and nginx refuse before the application sees it: answered as errors are, and never written down."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.conftest import Site, start_site
from tests.e2e.malformed import CANARY, NOT_HTTP, REQUESTS
from tests.e2e.program import until
from tests.e2e.wire import TIMEOUT, Address, read_until_quiet

pytestmark = pytest.mark.e2e
WAYS = ["direct", "public"]


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that logs as much as it can."""
    with start_site(tmp_path_factory.mktemp("talkative"), LOG_LEVEL="DEBUG") as site:
        yield site


def written(site: Site) -> str:
    """Return all that gunicorn and nginx have written down."""
    logs = (site.nginx.access_log, site.nginx.error_log)
    return "".join([site.gunicorn.log, site.nginx.log, *(log.read_text("utf-8", "replace") for log in logs)])


def answers(address: Address, request: bytes) -> list[tuple[bytes, bytes]]:
    """Return head and body of each answer; fails when the server does not close. nginx first reads a body away."""
    with closing(address.connect()) as sock:
        sock.sendall(request)
        heard, closed = read_until_quiet(sock, TIMEOUT)
    assert closed, heard
    if not heard.startswith(b"HTTP/"):
        return [(b"", heard)]
    heads = list(re.finditer(rb"HTTP/1\.1 \d{3} .*?\r\n\r\n", heard, re.DOTALL))
    ends = [head.start() for head in heads[1:]] + [len(heard)]
    return [(head[0], heard[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", REQUESTS)
def test_a_malformed_request_is_answered_and_not_seen(talkative: Site, way: str, name: str) -> None:
    key = CANARY + secrets.token_hex(4).encode()
    request = REQUESTS[name].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1).replace(CANARY, key)
    [(head, body)] = answers(getattr(talkative, way), request)

    assert key not in head + body
    assert key.decode() not in written(talkative)
    if head.startswith(b"HTTP/1.1 200 ") and (way == "public" or "where none is read" in name):
        return  # nginx has left the header out, or nothing needed the body
    error = json.loads(body)
    assert set(error) == {"error", "code", "request_id"}
    if head:
        assert re.match(rb"HTTP/1\.1 (4\d\d|501|505) ", head)
        for line in (f"X-Request-ID: {error['request_id']}", "X-Content-Type-Options: nosniff"):
            assert line.encode() in head
        assert b"Content-Type: application/json\r\n" in head
    else:
        assert (name, way) == ("no version", "public"), "only HTTP/0.9 knows no head"


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_is_stored_nowhere_and_has_its_own_id(talkative: Site, way: str) -> None:
    address: Address = getattr(talkative, way)
    address.ask("GET", "/", X_Request_ID="of-an-earlier-request")
    [(head, body)] = answers(address, b"GET /\x01 HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n\r\n")

    assert b"Cache-Control: no-store\r\n" in head
    assert re.fullmatch(r"[0-9a-f]{32}", json.loads(body)["request_id"])


def test_the_log_tells_of_a_refusal_under_its_id(talkative: Site) -> None:
    talkative.direct.ask("GET", "/", X_Request_ID="of-an-earlier-request")
    [(_, body)] = answers(talkative.direct, REQUESTS["raw letters in the query"])

    def lines() -> list[dict[str, Any]]:
        identity = json.loads(body)["request_id"]
        return [line for line in talkative.gunicorn.records if line.get("request_id") == identity]

    until(lines, 30, "the log tells of it")
    [line] = lines()
    assert (line["event"], line["status"], line["code"]) == ("refused", 400, "INVALID_REQUEST")


@pytest.mark.parametrize("name", NOT_HTTP)
def test_bytes_that_are_no_http_are_cut_off_at_once(talkative: Site, name: str) -> None:
    key = CANARY + secrets.token_hex(4).encode()
    [(head, _)] = answers(talkative.direct, NOT_HTTP[name].replace(CANARY, key))

    # A request that may still become whole is waited for, and then answered with 408.
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
    assert key.decode() not in written(talkative)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", ["//voices", "///voices", "//", "/%2Fvoices", "voices", "/voices/"])
def test_a_path_has_one_spelling(talkative: Site, way: str, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    [(head, body)] = answers(getattr(talkative, way), request)

    assert head.split()[1] in (b"404", b"400")
    assert json.loads(body)["code"] in ("NOT_FOUND", "INVALID_REQUEST")


def test_a_header_cannot_change_the_path(talkative: Site) -> None:
    with closing(talkative.direct.connect()) as sock:
        sock.sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /ready\r\nConnection: close\r\n\r\n")
        assert b'"status":"ready"' in read_until_quiet(sock, TIMEOUT)[0]
