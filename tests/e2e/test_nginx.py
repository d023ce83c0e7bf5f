"""The shipped nginx.conf: what nginx answers by itself, what it forbids, what it writes down."""

import json
import re
import signal
import socket
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.conftest import Site, StartNginx, StartServer
from tests.e2e.program import until
from tests.e2e.servers import rendered
from tests.e2e.wire import Address, read_answer
from tests.programs import needs

SAYNA_ERROR = {"error", "code", "request_id"}
HELD = 256  # requests of one address at once


def test_the_file_is_a_whole_configuration_and_can_be_included_as_one(tmp_path: Path) -> None:
    program = needs("nginx", "apt-get install nginx")
    whole = rendered(tmp_path, tmp_path / "sayna.sock", 8080)
    including = tmp_path / "including.conf"
    including.write_text(f"include {whole};")

    for config in (whole, including):
        argv = [program, "-t", "-p", str(tmp_path), "-c", str(config)]
        tested = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert tested.returncode == 0, tested.stderr
        assert "[warn]" not in tested.stderr.replace('[warn] the "user" directive', "")


GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /speak HTTP/1.1\r\nHost: a\r\n"
LONG = b"X-A: " + b"a" * 9000 + b"\r\n"
LARGE = b"X-A: " + b"a" * 7000 + b"\r\n"
RAW = {
    "not HTTP": (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400, "INVALID_REQUEST"),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "INVALID_REQUEST"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "INVALID_REQUEST"),
    "long address": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "URI_TOO_LONG"),
    "long header": (GET + LONG + b"\r\n", 431, "HEADERS_TOO_LARGE"),
    "many headers": (GET + LARGE * 5 + b"\r\n", 431, "HEADERS_TOO_LARGE"),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "METHOD_NOT_ALLOWED"),
    "large body": (POST + b"Content-Length: 1048577\r\n\r\n", 413, "PAYLOAD_TOO_LARGE"),
}


@pytest.mark.parametrize("name", RAW)
def test_what_nginx_refuses_by_itself_has_the_shape_of_saynas_errors(common: Site, name: str) -> None:
    request, status, code = RAW[name]
    with closing(common.public.connect()) as sock:
        sock.sendall(request)
        head, body = read_answer(sock)

    error = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/json" in head
    assert set(error) == SAYNA_ERROR
    assert error["code"] == code
    assert f"X-Request-ID: {error['request_id']}".encode() in head
    assert b"nginx/" not in head


def test_saynas_own_errors_pass_through_as_they_are(common: Site) -> None:
    missing, refused = (
        [ask("GET", "/nowhere", X_Request_ID="mine") for ask in (common.public.ask, common.direct.ask)],
        [ask("POST", "/speak", {"text": " "}, X_Request_ID="mine") for ask in (common.public.ask, common.direct.ask)],
    )

    assert [answer.status for answer in missing + refused] == [404, 404, 400, 400]
    assert missing[0].body == missing[1].body
    assert refused[0].json()["code"] == "EMPTY_TEXT"
    assert refused[0].body == refused[1].body


def test_a_harmful_request_id_is_replaced(common: Site) -> None:
    answer = common.public.ask("GET", "/", X_Request_ID='"},{"')

    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


def test_without_sayna_nginx_says_502_and_recovers_by_itself(
    tmp_path: Path, server: StartServer, nginx: StartNginx
) -> None:
    path = tmp_path / "sayna.sock"
    first = server(at=Address(path=path))
    front = nginx(path)
    first.signal(signal.SIGTERM)
    first.wait()

    answer = front.address.ask("GET", "/", X_Request_ID="mine")
    assert (answer.status, answer.headers["content-type"]) == (502, "application/json")
    assert (answer.json()["code"], answer.json()["request_id"]) == ("BAD_GATEWAY", "mine")

    server(at=first.address)
    assert front.address.ask("GET", "/").json() == {"status": "ok"}


def test_a_caller_cannot_say_who_it_is(tmp_path: Path, nginx: StartNginx) -> None:
    claims = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=6.6.6.6",
    }
    path = tmp_path / "echo.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        front = nginx(path)
        with front.address.client() as client:
            client.request("GET", "/", headers=claims)
            with closing(listener.accept()[0]) as upstream:
                seen = upstream.recv(65536).decode()
                upstream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            client.getresponse().read()

    assert "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n" in seen
    assert "6.6.6.6" not in seen


def test_the_host_reaches_sayna_with_its_port_and_the_protocol_too(tmp_path: Path, nginx: StartNginx) -> None:
    path = tmp_path / "echo.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        front = nginx(path)
        with closing(front.address.connect()) as client:
            client.sendall(b"GET / HTTP/1.0\r\nHost: speech.test:8443\r\nX-Forwarded-Proto-Version: HTTP/1.1\r\n\r\n")
            with closing(listener.accept()[0]) as upstream:
                seen = upstream.recv(65536).decode()

    assert "\r\nHost: speech.test:8443\r\n" in seen
    assert re.findall("X-Forwarded-Proto-Version: (.*)\r\n", seen) == ["HTTP/1.0"]


@pytest.mark.parametrize("way", ["direct", "public"])
def test_events_of_livekit_may_have_two_mebibytes(common: Site, way: str) -> None:
    address: Address = getattr(common, way)
    statuses = [address.ask("POST", "/livekit/webhook", b" " * size).status for size in (2**21, 2**21 + 1)]

    assert statuses[0] == 503, "LiveKit is not configured, but the body is taken"
    assert statuses[1] == (503 if way == "direct" else 413)


def test_one_address_cannot_hold_everything(site: Site) -> None:
    with ExitStack() as stack:

        def refused() -> bool:
            """Begin one more request; it is held once nginx has asked for its body."""
            sock = stack.enter_context(closing(site.public.connect("127.0.0.2")))
            sock.sendall(POST + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
            answers.append(sock.recv(4096))
            return not answers[-1].startswith(b"HTTP/1.1 100 ")

        answers: list[bytes] = []
        until(refused, 60, "the address has as much as it may")
        assert len(answers) > HELD
        assert answers[-1].startswith(b"HTTP/1.1 429 ")
        assert b'"code":"TOO_MANY_REQUESTS"' in answers[-1]
        assert site.public.ask("GET", "/").status == 200


def test_the_access_log_is_json_without_queries(common: Site) -> None:
    common.public.ask("GET", "/voices?language=en&api_key=x", X_Request_ID="logged")

    def logged() -> list[dict[str, str]]:
        return [line for line in common.nginx.accesses if line["request_id"] == "logged"]

    until(logged, 30, "nginx has logged it")
    [line] = logged()
    assert (line["path"], line["method"], line["client"]) == ("/voices", "GET", "127.0.0.1")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_metrics_are_not_passed_on(common: Site, method: str) -> None:
    answer = common.public.ask(method, "/metrics", Authorization="Bearer any")
    assert answer.status == 403
    # Sayna itself would say METRICS_FORBIDDEN, or 404 where they are off.
    assert method == "HEAD" or json.loads(answer.body)["code"] == "HTTP_403"
