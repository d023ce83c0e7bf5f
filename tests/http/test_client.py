import gc
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from sayna import http
from sayna.http.pool import pool
from tests.wire import FaultServer, answers, blackhole
from tests.wire.certificates import Authority
from tests.wire.server import Answer

AUDIO = bytes(range(256)) * 40
SOON = 0.4
LATE = SOON + 1.0


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def send(
    url: str,
    *,
    seconds: float = 5.0,
    connect: float = 5.0,
    max_bytes: int = 10**6,
    method: str = "GET",
    **call: object,
) -> http.StreamedResponse:
    return http.send(
        method,
        url,
        headers={"Authorization": "Token canary"},
        deadline=http.Deadline.after(seconds),
        connect_seconds=connect,
        max_bytes=max_bytes,
        **call,
    )


def test_a_request_is_sent_as_it_was_given(server: FaultServer) -> None:
    server.always(answers.whole(b"yes", headers={"X-Thing": "Value"}))

    reply = send(f"{server.url}/a%2Fb/c", method="POST", params={"x": "1&y=2", "z": "a b"}, data="ä".encode())

    assert (reply.status, reply.headers["x-thing"], reply.read()) == (200, "Value", b"yes")
    hit = server.hits[0]
    assert (hit.method, hit.path, hit.params, hit.body) == (
        "POST",
        "/a%2Fb/c",
        {"x": "1&y=2", "z": "a b"},
        "ä".encode(),
    )
    assert hit.headers["authorization"] == "Token canary"
    assert hit.headers["accept-encoding"] == "identity"


def test_post_returns_the_whole_answer(server: FaultServer) -> None:
    server.always(answers.status(418, b"short and stout"))

    answer = http.post(
        server.url, data=b"x", headers={}, deadline=http.Deadline.after(5), connect_seconds=5, max_bytes=100
    )

    assert (answer.status, answer.body) == (418, b"short and stout")


@pytest.mark.parametrize(
    "answer",
    [answers.whole(AUDIO), answers.chunked([AUDIO[:5000], AUDIO[5000:]]), answers.whole(b"")],
    ids=["length", "chunked", "empty"],
)
def test_an_answer_read_to_its_end_leaves_the_connection_for_the_next(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    bodies = {send(server.url).read() for _ in range(3)}

    assert len(bodies) == 1
    assert (len(server.hits), server.connections) == (3, 1)


def test_an_answer_not_read_to_its_end_takes_its_connection_along(server: FaultServer) -> None:
    server.always(answers.split(AUDIO, AUDIO, lambda: server.left.wait(5)))

    reply = send(server.url)
    next(reply.chunks())
    reply.close()
    server.left.set()

    assert send(server.url).read() == AUDIO * 2
    assert server.connections == 2


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_first_bytes_do_not_wait_for_the_rest(server: FaultServer, framing: str) -> None:
    arrived = threading.Event()

    def wait() -> None:
        assert arrived.wait(5), "the client holds the first bytes back"

    server.always(
        answers.split(b"first", b"rest", wait)
        if framing == "length"
        else answers.chunked([b"first", b"rest"], wait=wait)
    )
    chunks = send(server.url).chunks()

    assert next(chunks) == b"first"
    arrived.set()
    assert b"".join(chunks) == b"rest"


LATE_ANSWERS = {
    "hang": answers.hang(),
    "hang in the head": answers.hang_after(b"HTTP/1.1 200 OK\r\nContent-"),
    "hang in the body": answers.hang_in_body(),
    "drip in the status line": answers.drip(b"HTTP/1.1 200 OK" + b" " * 1000),
    "drip in the head": answers.drip(b"X: y\r\n" * 1000, first=b"HTTP/1.1 200 OK\r\n"),
    "drip of interim answers": answers.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "drip in the body": answers.drip(b"x" * 1000, first=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    "drip of chunks": answers.drip(
        b"1\r\nx\r\n" * 1000, first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "drip without an end": answers.drip(b"x" * 1000, first=b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("answer", LATE_ANSWERS.values(), ids=LATE_ANSWERS)
def test_the_deadline_is_a_total(server: FaultServer, answer: Answer) -> None:
    server.always(answer)
    started = time.monotonic()

    with pytest.raises(http.TimedOut):
        send(server.url, seconds=SOON).read()

    assert SOON <= time.monotonic() - started < LATE
    assert server.left.wait(5), "the connection was kept"


def test_a_deadline_that_is_over_sends_nothing(server: FaultServer) -> None:
    with pytest.raises(http.TimedOut):
        send(server.url, seconds=0)

    assert (server.hits, server.connections) == ([], 0)


def test_a_peer_that_does_not_read_is_given_up_at_the_deadline() -> None:
    with FaultServer(deaf=True) as deaf:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(deaf.url, seconds=SOON, method="POST", data=b"x" * 30_000_000)

        assert time.monotonic() - started < LATE


def test_a_connection_that_nobody_accepts_ends_with_the_time_to_connect() -> None:
    with blackhole() as port:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(f"http://127.0.0.1:{port}", connect=SOON, seconds=30)

        assert SOON <= time.monotonic() - started < LATE


def test_every_address_of_a_name_gets_its_share_of_the_time(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.always(answers.whole(b"yes"))
    with blackhole() as port:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", at)) for at in (port, server.port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        assert send("http://vendor.invalid", connect=2 * SOON).read() == b"yes"


def test_a_slow_resolver_holds_nobody_beyond_the_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(10) and [])
    started = time.monotonic()

    with pytest.raises(http.TimedOut):
        send("http://slow.invalid", connect=SOON, seconds=30)

    assert time.monotonic() - started < LATE
    done.set()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_is_not_found_is_unreachable(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(http.Unreachable):
        send("http://nowhere.invalid")


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(http.Unreachable):
        send(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [answers.reset(), answers.closing(answers.raw(b""))], ids=["reset", "closed"])
def test_a_connection_lost_before_the_answer_is_unreachable(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    with pytest.raises(http.Unreachable):
        send(server.url)


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
def test_what_is_not_http_is_a_bad_answer(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    with pytest.raises(http.BadResponse):
        send(server.url)


@pytest.mark.parametrize("answer", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_not_whole_is_a_bad_answer(server: FaultServer, answer: Answer) -> None:
    server.always(answer)

    with pytest.raises(http.BadResponse):
        send(server.url).read()


def test_the_cap_is_exact(server: FaultServer) -> None:
    server.always(answers.whole(AUDIO))

    assert send(server.url, max_bytes=len(AUDIO)).read() == AUDIO
    with pytest.raises(http.BadResponse):
        send(server.url, max_bytes=len(AUDIO) - 1).read()


@pytest.mark.parametrize("location", ["", "http://127.0.0.1:1/"], ids=["answer", "redirect"])
def test_a_bomb_takes_no_memory(server: FaultServer, location: str) -> None:
    server.always(answers.gzip_bomb(256, code=302 if location else 200, location=location))
    tracemalloc.start()
    try:
        with pytest.raises(http.BadResponse):
            send(server.url).read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 30 * 2**20


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_like_any_other(server: FaultServer, code: int) -> None:
    with FaultServer() as elsewhere:
        server.always(answers.status(code, b"moved", {"Location": f"{elsewhere.url}/login"}))

        reply = send(server.url, method="POST", data=b"secret")

        assert (reply.status, reply.read()) == (code, b"moved")
        assert (elsewhere.hits, elsewhere.connections) == ([], 0)


def test_the_environment_and_netrc_change_nothing(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.always(answers.whole(b"yes"))
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password thief\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert send(server.url).read() == b"yes"
    assert server.hits[0].headers["authorization"] == "Token canary"


def test_cookies_are_not_kept(server: FaultServer) -> None:
    server.always(answers.whole(b"yes", headers={"Set-Cookie": "session=1; Path=/"}))

    for _ in range(2):
        send(server.url).read()

    assert "cookie" not in server.hits[1].headers


def test_a_connection_that_was_closed_while_idle_is_replaced_silently(server: FaultServer) -> None:
    server.then(answers.closing(answers.whole(b"one"))).always(answers.whole(b"two"))

    assert send(server.url).read() == b"one"
    assert server.closed.wait(5)
    assert send(server.url).read() == b"two"
    assert server.connections == 2


def assert_blocked(reading: Future[bytes]) -> None:
    with pytest.raises(TimeoutError):
        reading.result(0.1)


def close_while_another_thread_reads(server: FaultServer) -> None:
    server.always(answers.hang_in_body())
    reply = send(server.url, seconds=30)
    chunks = reply.chunks()
    next(chunks)

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(next, chunks)
        assert_blocked(reading)
        started = time.monotonic()
        reply.close()
        with pytest.raises(http.Cancelled):
            reading.result(0.5)
    assert time.monotonic() - started < 0.5


def test_closing_wakes_the_thread_that_reads(server: FaultServer) -> None:
    close_while_another_thread_reads(server)

    assert server.left.wait(5), "the vendor still believes that somebody listens"


def test_a_closed_answer_has_no_clean_end(server: FaultServer) -> None:
    server.always(answers.close_delimited(AUDIO))
    reply = send(server.url)
    reply.close()

    with pytest.raises(http.Cancelled):
        reply.read()


def test_closing_an_answer_late_spares_the_exchange_that_has_its_connection_now(server: FaultServer) -> None:
    arrived = threading.Event()
    server.then(answers.whole(b"one")).always(answers.split(b"tw", b"o", lambda: arrived.wait(5)))
    old = send(server.url)
    assert b"".join(old.chunks()) == b"one"
    new = send(server.url)
    chunks = new.chunks()
    assert next(chunks) == b"tw"

    old.close()
    arrived.set()

    assert b"".join(chunks) == b"o"
    assert server.connections == 1


def test_a_forked_process_opens_its_own_connections(server: FaultServer) -> None:
    server.always(answers.whole(b"yes"))
    assert send(server.url).read() == b"yes"

    child = os.fork()
    if not child:
        os._exit(send(server.url).read() != b"yes")

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert send(server.url).read() == b"yes"
    assert [hit.connection for hit in server.hits] == [1, 2, 1]


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    authority = Authority.create(tmp_path)
    yield authority
    pool.cache_clear()


def trust(authority: Authority) -> None:
    """Have the pool of this test, which is thrown away after it, trust one authority more."""
    pool.cache_clear()
    pool().connection_pool_kw["ssl_context"].load_verify_locations(authority.pem)


def test_tls_works_and_keeps_its_connection(authority: Authority) -> None:
    trust(authority)
    with FaultServer(tls=authority.server()) as server:
        server.always(answers.whole(AUDIO))

        assert [send(server.url).read() for _ in range(2)] == [AUDIO, AUDIO]
        assert server.connections == 1


@pytest.mark.parametrize("flaw", ["unknown authority", "expired", "wrong host"])
def test_tls_that_does_not_verify_is_unreachable(authority: Authority, flaw: str) -> None:
    if flaw != "unknown authority":
        trust(authority)
    host = "127.0.0.2" if flaw == "wrong host" else "127.0.0.1"
    with FaultServer(tls=authority.server(host, expired=flaw == "expired")) as server:
        with pytest.raises(http.Unreachable):
            send(server.url)

        assert server.hits == []


@pytest.mark.parametrize(
    "answer", [LATE_ANSWERS["hang"], LATE_ANSWERS["drip in the head"], LATE_ANSWERS["drip in the body"]]
)
def test_the_deadline_is_a_total_over_tls(authority: Authority, answer: Answer) -> None:
    trust(authority)
    with FaultServer(tls=authority.server()) as server:
        server.always(answer)
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(server.url, seconds=SOON).read()

        assert time.monotonic() - started < LATE


def test_what_the_resolver_took_is_not_given_again_to_a_peer_that_does_not_read(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(authority)
    resolve = socket.getaddrinfo

    def slowly(*args: object, **options: object) -> object:
        time.sleep(2 * SOON)
        return resolve(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with FaultServer(tls=authority.server(), deaf=True) as deaf:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(deaf.url, seconds=3 * SOON, method="POST", data=b"x" * 30_000_000)

        assert time.monotonic() - started < 4.5 * SOON


def test_a_handshake_that_does_not_come_ends_with_the_time_to_connect() -> None:
    with FaultServer(deaf=True) as deaf:
        started = time.monotonic()

        with pytest.raises(http.TimedOut):
            send(f"https://127.0.0.1:{deaf.port}", connect=SOON, seconds=30)

        assert time.monotonic() - started < LATE


def test_closing_wakes_the_thread_that_reads_over_tls(authority: Authority) -> None:
    trust(authority)
    with FaultServer(tls=authority.server()) as server:
        close_while_another_thread_reads(server)

        assert server.left.wait(5)


def test_the_log_names_the_call_and_no_secret(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    server.always(answers.whole(b"yes"))

    with caplog.at_level("INFO", "sayna.upstream"):
        send(f"{server.url}/path", params={"api_key": "canary"}).read()

    fields = caplog.records[0].fields
    assert (fields["method"], fields["path"], fields["status"]) == ("GET", "/path", 200)
    assert "canary" not in str(fields)


def test_hosts_that_are_not_asked_any_more_hold_no_connection() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(80):
        with FaultServer() as server:
            server.always(answers.whole(b"yes"))
            send(server.url).read()
    gc.collect()

    assert len(list(Path("/proc/self/fd").iterdir())) - before < 50
