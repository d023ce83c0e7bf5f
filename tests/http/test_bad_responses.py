"""Peers that cannot be reached, and responses that are not whole."""

import socket
import tracemalloc

import pytest

from sayna import http
from tests.http.exchange import AUDIO, send
from tests.threads import no_new_threads
from tests.wire import FaultServer, answers
from tests.wire.server import Answer


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_unknown_name_is_unreachable(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(http.Unreachable):
        send("http://nowhere.invalid")


def test_name_is_unreachable_when_no_thread_can_look_it_up(server: FaultServer) -> None:
    with no_new_threads(), pytest.raises(http.Unreachable):
        send(server.url)


def test_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(http.Unreachable):
        send(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [answers.reset(), answers.closing(answers.raw(b""))], ids=["reset", "closed"])
def test_connection_lost_before_the_response_is_unreachable(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    with pytest.raises(http.Unreachable):
        send(server.url)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_interim_responses_are_skipped(server: FaultServer, status: int) -> None:
    interim = answers.head(status, {"Link": "</style.css>; rel=preload"})
    server.then(answers.raw(interim * 2 + answers.head(200, {"Content-Length": str(len(AUDIO))}) + AUDIO))
    server.then(answers.whole(AUDIO))

    assert [b"".join(send(server.url).chunks()) for _ in range(2)] == [AUDIO, AUDIO]
    assert server.connections == 1


SIZE = b"Content-Length: %d\r\n" % len(AUDIO)
ODD_HEADS = {
    "a line without a colon": SIZE + b"X-Broken\r\n\r\n",
    "a header without a name": SIZE + b": x\r\n:\r\n\r\n",
    "a folded header": b"X-Note: one\r\n\ttwo\r\n" + SIZE + b"\r\n",
    "only newlines": SIZE.replace(b"\r", b"") + b"\n",
    "the same length twice": SIZE + SIZE + b"\r\n",
    "bytes that are no ASCII": b"\xff\xe9: \x85\r\n" + SIZE + b"\r\n",
    "a length of 5,000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a length that is no number": b"Content-Length: \xb2\r\n\r\n",
}


@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=ODD_HEADS)
def test_odd_head_is_read_as_far_as_it_makes_sense(server: FaultServer, head: bytes) -> None:
    server.always(answers.closing(answers.raw(b"HTTP/1.1 200 OK\r\n" + head + AUDIO)))

    assert send(server.url).read() == AUDIO


def test_head_that_ends_with_the_connection_is_whole(server: FaultServer) -> None:
    server.always(answers.closing(answers.raw(b"HTTP/1.0 200 OK\r\nX-Hook: taken\r\n")))

    response = send(server.url)
    assert (response.status, response.headers["x-hook"], response.read()) == (200, "taken", b"")


BAD_HEADS = {
    "garbage": answers.garbage(),
    "long header": answers.long_header(),
    "two lengths": answers.two_lengths(),
}
BAD_BODIES = {
    "reset": answers.reset_after(AUDIO),
    "close early": answers.close_early(AUDIO, sent=5000),
    "no last chunk": answers.closing(answers.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")),
    "bad chunk": answers.closing(answers.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno\r\nabc\r\n")),
    "negative chunk": answers.closing(
        answers.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n")
    ),
    "gzip bomb": answers.gzip_bomb(1),
    "endless": answers.endless(),
}


@pytest.mark.parametrize("answer", BAD_HEADS.values(), ids=BAD_HEADS)
def test_response_is_bad_when_it_is_not_http(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    with pytest.raises(http.BadResponse):
        send(server.url)


@pytest.mark.parametrize("answer", BAD_BODIES.values(), ids=BAD_BODIES)
def test_response_is_bad_when_its_body_is_not_whole(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    with pytest.raises(http.BadResponse):
        send(server.url).read()


def test_byte_limit_is_exact(server: FaultServer) -> None:
    server.always(answers.whole(AUDIO))

    assert send(server.url, max_bytes=len(AUDIO)).read() == AUDIO
    with pytest.raises(http.BadResponse):
        send(server.url, max_bytes=len(AUDIO) - 1).read()


@pytest.mark.parametrize("coding", ["gzip", "X-GZip", "identity, br", "deflate", "zstd", "compress"])
def test_compressed_body_is_refused_by_any_name(server: FaultServer, coding: str) -> None:
    server.always(answers.whole(AUDIO, headers={"Content-Encoding": coding}))

    with pytest.raises(http.BadResponse, match="compressed"):
        send(server.url).read()


@pytest.mark.parametrize("coding", ["", "identity", "identity, identity", "utf-8", "binary", "none", "aws-chunked"])
def test_content_encoding_that_names_no_coding_is_none(server: FaultServer, coding: str) -> None:
    server.always(answers.whole(AUDIO, headers={"Content-Encoding": coding}))

    assert send(server.url).read() == AUDIO


@pytest.mark.parametrize("location", ["", "http://127.0.0.1:1/"], ids=["answer", "redirect"])
def test_compressed_body_is_not_decoded(server: FaultServer, location: str) -> None:
    server.always(answers.gzip_bomb(64, code=302 if location else 200, location=location))
    tracemalloc.start()
    try:
        with pytest.raises(http.BadResponse):
            send(server.url).read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 30 * 2**20
