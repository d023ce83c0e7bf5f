"""What a request sends, what a response gives, and what requests must not do by itself."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sayna import http
from tests.http.exchange import send
from tests.wire import FaultServer, answers


def test_request_is_sent_as_given(server: FaultServer) -> None:
    server.always(answers.whole(b"yes", headers={"X-Thing": "Value"}))

    response = send(f"{server.url}/a%2Fb/c", method="POST", params={"x": "1&y=2", "z": "a b"}, data="ä".encode())

    assert (response.status, response.headers["x-thing"], response.read()) == (200, "Value", b"yes")
    hit = server.hits[0]
    assert (hit.method, hit.path, hit.params, hit.body) == (
        "POST",
        "/a%2Fb/c",
        {"x": "1&y=2", "z": "a b"},
        "ä".encode(),
    )
    assert hit.headers["authorization"] == "Token canary"
    assert hit.headers["accept-encoding"] == "identity"


def test_whole_body_of_a_post_is_returned(server: FaultServer) -> None:
    server.always(answers.status(418, b"short and stout"))

    response = http.send(
        "POST", server.url, data=b"x", headers={}, deadline=http.Deadline.after(5), connect_seconds=5, max_bytes=100
    )

    assert (response.status, response.read()) == (418, b"short and stout")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_first_bytes_arrive_before_the_rest(server: FaultServer, framing: str) -> None:
    arrived = threading.Event()

    def wait() -> None:
        assert arrived.wait(30), "the client held the first bytes back"

    server.always(
        answers.split(b"first", b"rest", wait)
        if framing == "length"
        else answers.chunked([b"first", b"rest"], wait=wait)
    )
    chunks = send(server.url).chunks()

    assert next(chunks) == b"first"
    arrived.set()
    assert b"".join(chunks) == b"rest"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_is_returned_and_not_followed(server: FaultServer, code: int) -> None:
    with FaultServer() as elsewhere:
        server.always(answers.status(code, b"moved", {"Location": f"{elsewhere.url}/login"}))

        response = send(server.url, method="POST", data=b"secret")

        assert (response.status, response.read()) == (code, b"moved")
        assert (elsewhere.hits, elsewhere.connections) == ([], 0)


def test_environment_and_netrc_are_ignored(
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


def test_cookies_are_not_sent_back(server: FaultServer) -> None:
    server.always(answers.whole(b"yes", headers={"Set-Cookie": "session=1; Path=/"}))

    for _ in range(2):
        send(server.url).read()

    assert "cookie" not in server.hits[1].headers


def test_log_names_the_request_without_its_query(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    server.always(answers.whole(b"yes"))

    with caplog.at_level("INFO", "sayna.upstream"):
        send(f"{server.url}/path", params={"api_key": "canary"}).read()

    fields = caplog.records[0].fields  # type: ignore[attr-defined]
    assert (fields["method"], fields["path"], fields["status"]) == ("GET", "/path", 200)
    assert "canary" not in str(fields)


def test_body_of_a_redirect_is_not_awaited(server: FaultServer) -> None:
    server.always(
        answers.hang_after(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 100000\r\n\r\nmoved")
    )

    response = send(server.url, seconds=30)

    assert (response.status, response.read1(100)) == (302, b"moved")
    response.close()


def test_user_name_in_the_url_keeps_the_authorization_header(server: FaultServer) -> None:
    server.always(answers.whole(b"yes"))

    send(server.url.replace("http://", "http://thief:password@")).read()

    assert server.hits[0].headers["authorization"] == "Token canary"


@pytest.mark.parametrize("host", ["*.example.com", ".example.com", "ex ample.com", "\u00df" * 70 + ".example"])
def test_host_that_is_not_valid_is_unreachable(host: str) -> None:
    with pytest.raises(http.Unreachable):
        send(f"http://{host}/")


def test_requests_is_imported_with_the_first_request() -> None:
    code = "import sys, app; app.create_app(); print({'requests', 'urllib3'} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "set()"


def test_repeated_and_folded_headers_become_one(server: FaultServer) -> None:
    told = b"X-Thing: one\r\nx-thing:two\r\nX-Long: begins\r\n  and ends\r\n: nameless\r\nno colon\r\n"
    server.always(answers.raw(b"HTTP/1.1 200 OK\r\n" + told + b"Content-Length: 3\r\n\r\nyes"))

    responses = [send(server.url) for _ in range(2)]

    assert responses[0].headers["x-thing"] == "one, two"
    assert responses[0].headers["x-long"] == "begins and ends"
    assert [response.read() for response in responses] == [b"yes", b"yes"]


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b"])
def test_header_with_a_line_break_is_not_sent(server: FaultServer, value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        http.send(
            "GET",
            server.url,
            headers={"X-Thing": value},
            deadline=http.Deadline.after(5),
            connect_seconds=5,
            max_bytes=9,
        )

    assert server.hits == []


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("GET", None)])
def test_request_without_a_body_has_the_length_of_its_method(
    server: FaultServer, method: str, length: str | None
) -> None:
    server.always(answers.whole(b"yes"))

    send(server.url, method=method).read()

    assert server.hits[0].headers.get("content-length") == length


def test_head_of_more_than_a_hundred_lines_is_bad(server: FaultServer) -> None:
    server.always(answers.raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n"))

    with pytest.raises(http.BadResponse):
        send(server.url)
