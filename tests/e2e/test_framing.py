"""Bodies and framing that are not as they should be, with nginx in front and without."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.conftest import Site
from tests.e2e.wire import Address, read_answer, read_until_quiet

LIMIT = 1048576
# Shorter than what a connection may be idle, 10 s, and far longer than an answer takes.
SECONDS = 8
HEAD = b"POST /speak HTTP/1.1\r\nHost: sayna.test\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: sayna.test\r\n\r\n"

SHAPES = {
    "length and chunks": HEAD + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and length": HEAD + CHUNKED + b"Content-Length: %d\r\n\r\n0\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}" + SMUGGLED,
    "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\n{}" + SMUGGLED,
    "length with a sign": HEAD + b"Content-Length: +2\r\n\r\n{}" + SMUGGLED,
    "two codings": HEAD + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded header": HEAD + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size that is no number": HEAD + CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size with a sign": HEAD + CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "chunk longer than its size": HEAD + CHUNKED + b"\r\n1\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "endless chunk size": HEAD + CHUNKED + b"\r\n" + b"f" * 20000 + b"\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("way", ["direct", "public"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_second_request_can_be_smuggled(common: Site, way: str, shape: str) -> None:
    address: Address = getattr(common, way)
    with closing(address.connect()) as sock:
        sock.sendall(SHAPES[shape])
        heard, closed = read_until_quiet(sock, SECONDS)

    statuses = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", heard)]
    assert len(statuses) <= 1, heard
    assert closed, "the connection is still open for what follows"
    assert all(400 <= status < 500 or status == 501 for status in statuses), heard


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize(("name", "value"), [("X_Forwarded_Protocol", "https"), ("X_Forwarded_Ssl", "off")])
def test_older_headers_of_a_proxy_contradict_nothing(common: Site, name: str, value: str, scheme: str) -> None:
    """As in github.com/benoitc/gunicorn/issues/1857."""
    headers = {"Content_Type": "application/json", "X_Forwarded_Proto": scheme, name: value}
    answer = common.direct.ask("POST", "/clips", b'{"text":"hi","ext":"wav","render":false}', **headers)

    assert answer.json()["url"].startswith(f"{scheme}://")


@pytest.mark.parametrize("size", [b"zz", b"-1", b"1_0", b"0x2", b""])
def test_a_chunk_size_that_is_no_number_is_the_callers_mistake(common: Site, size: bytes) -> None:
    with closing(common.direct.connect()) as sock:
        sock.sendall(HEAD + CHUNKED + b"\r\n" + size + b"\r\n{}\r\n0\r\n\r\n")
        assert read_answer(sock)[0].startswith(b"HTTP/1.1 400 ")


def chunks(size: int) -> Iterator[bytes]:
    body = b'{"text":"hello"}'.ljust(size)
    yield from (body[start : start + 65536] for start in range(0, size, 65536))


@pytest.mark.parametrize("way", ["direct", "public"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_over_the_limit_is_refused_however_it_is_framed(common: Site, way: str, framing: str) -> None:
    address: Address = getattr(common, way)

    def ask(size: int) -> tuple[int, str | None]:
        body = chunks(size) if framing == "chunks" else b"".join(chunks(size))
        answer = address.ask("POST", "/speak", body, Content_Type="application/json", Accept="application/json")
        return answer.status, answer.json().get("code")

    assert ask(LIMIT) == (200, None)
    assert ask(LIMIT + 1) == (413, "PAYLOAD_TOO_LARGE")


def test_the_longest_request_line_is_the_one_that_the_document_names(common: Site) -> None:
    said = common.direct.ask("GET", "/openapi.json").json()["paths"]["/voices"]["get"]["responses"]["414"]
    [limit] = [int(number) for number in re.findall(r"\d+", said["description"])]

    def status(size: int) -> int:
        line = f"GET /?{'x' * (size - len('GET /? HTTP/1.1'))} HTTP/1.1"
        with closing(common.direct.connect()) as sock:
            sock.sendall(f"{line}\r\nHost: sayna.test\r\nConnection: close\r\n\r\n".encode())
            return int(read_answer(sock)[0].split()[1])

    assert (status(limit), status(limit + 1)) == (200, 414)
