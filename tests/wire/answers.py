"""What a server can answer: whole answers, and every way of failing that HTTP has."""

import json
import zlib
from collections.abc import Callable, Mapping

from tests.wire.server import Answer, Exchange

MIB = 2**20


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The bytes before a body."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(body: bytes, content_type: str = "audio/pcm", status: int = 200, headers: Mapping[str, str] = {}) -> Answer:
    """A body with Content-Length."""
    return raw(head(status, {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}) + body)


def chunked(
    pieces: list[bytes],
    content_type: str = "audio/pcm",
    headers: Mapping[str, str] = {},
    wait: Callable[[], object] = lambda: None,
) -> Answer:
    """Chunks; `wait` is called before every chunk but the first."""

    def answer(exchange: Exchange) -> None:
        exchange.send(head(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked", **headers}))
        for number, piece in enumerate(filter(None, pieces)):
            if number:
                wait()
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        exchange.send(b"0\r\n\r\n")

    return answer


def as_json(value: object, status: int = 200, headers: Mapping[str, str] = {}) -> Answer:
    """A JSON body."""
    return whole(json.dumps(value).encode(), "application/json", status, headers)


def status(code: int, body: bytes = b"CANARY of the vendor", headers: Mapping[str, str] = {}) -> Answer:
    """An error with a body that must not be seen anywhere."""
    return whole(body, "text/plain", code, headers)


def too_many(retry_after: str | None = None) -> Answer:
    """A 429."""
    return status(429, headers={} if retry_after is None else {"Retry-After": retry_after})


def redirect(location: str, body: bytes = b"") -> Answer:
    """A 302."""
    return status(302, body, {"Location": location})


def html() -> Answer:
    """A 200 that is a page."""
    return whole(b"<!doctype html><p>CANARY of a proxy", "text/html")


def raw(data: bytes) -> Answer:
    """Bytes as they are."""
    return lambda exchange: exchange.send(data)


def split(first: bytes, rest: bytes, wait: Callable[[], object], content_type: str = "audio/pcm") -> Answer:
    """A body with Content-Length whose rest comes once `wait` has returned."""

    def answer(exchange: Exchange) -> None:
        size = str(len(first) + len(rest))
        exchange.send(head(200, {"Content-Type": content_type, "Content-Length": size}) + first)
        wait()
        exchange.send(rest)

    return answer


def delayed(seconds: float, answer: Answer) -> Answer:
    """Another answer, later."""

    def late(exchange: Exchange) -> None:
        exchange.pause(seconds)
        answer(exchange)

    return late


def hang() -> Answer:
    """Silence."""
    return Exchange.hang


def hang_after(data: bytes) -> Answer:
    """Some bytes, then silence."""

    def answer(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.hang()

    return answer


def hang_in_body(content_type: str = "audio/pcm", sent: bytes = b"\0" * 100) -> Answer:
    """A head, a little audio, then silence."""
    return hang_after(head(200, {"Content-Type": content_type, "Content-Length": "100000"}) + sent)


def drip(data: bytes, seconds: float = 0.05, first: bytes = b"") -> Answer:
    """Some bytes at once, then one now and then."""

    def answer(exchange: Exchange) -> None:
        exchange.send(first)
        for byte in data:
            exchange.pause(seconds)
            exchange.send(bytes([byte]))

    return answer


def reset() -> Answer:
    """A RST instead of an answer."""
    return Exchange.reset


def reset_after(sent: bytes, content_type: str = "audio/pcm") -> Answer:
    """A head, some of the body, then a RST."""

    def answer(exchange: Exchange) -> None:
        exchange.send(head(200, {"Content-Type": content_type, "Content-Length": "1000000"}) + sent)
        exchange.pause(0.1)  # a RST overtakes what the client has not read yet
        exchange.reset()

    return answer


def closing(answer: Answer) -> Answer:
    """Another answer, after which the connection is closed without a word of it."""

    def close(exchange: Exchange) -> None:
        answer(exchange)
        exchange.keep = False

    return close


def close_early(body: bytes, sent: int, content_type: str = "audio/pcm") -> Answer:
    """Less than Content-Length says."""
    size = {"Content-Type": content_type, "Content-Length": str(len(body))}
    return closing(raw(head(200, size) + body[:sent]))


def close_delimited(body: bytes, content_type: str = "audio/pcm") -> Answer:
    """A body that ends with its connection, as HTTP/1.0 had it."""
    return closing(raw(head(200, {"Content-Type": content_type, "Connection": "close"}) + body))


def endless(content_type: str = "audio/pcm") -> Answer:
    """Zeros for as long as they are taken."""

    def answer(exchange: Exchange) -> None:
        exchange.send(head(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked"}))
        while True:
            exchange.send(b"%x\r\n%b\r\n" % (MIB, b"\0" * MIB))

    return answer


def gzip_bomb(mebibytes: int, code: int = 200, location: str = "") -> Answer:
    """Little on the wire, much when it is unpacked; a redirect when there is a location."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([*(packer.compress(b"\0" * MIB) for _ in range(mebibytes)), packer.flush()])
    headers = {"Content-Encoding": "gzip", **({"Location": location} if location else {})}
    return whole(bomb, "audio/pcm", code, headers)


def garbage() -> Answer:
    """Bytes that are no HTTP."""
    return closing(raw(b"\x00\xffSSH-2.0 or whatever\r\n\r\n"))


def long_header() -> Answer:
    """A header line of 100 kB."""
    return raw(head(200, {"Content-Type": "audio/pcm", "X-Long": "x" * 100_000, "Content-Length": "0"}))


def two_lengths() -> Answer:
    """Two Content-Lengths that differ."""
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde")
