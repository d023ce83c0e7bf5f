"""What nginx answers by itself below the paths of other servers' dialects: in the shape that their clients read."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import until
from tests.e2e.servers import ROOT, Nginx, answers, free_port, rendered, started
from tests.e2e.wire import Address, read_until_quiet

LARGE = b"x" * (2**20 + 1)
HOST = b"Host: a\r\n"
Asked = tuple[str, dict[str, str], Callable[[Any], Any]]
# A path, the headers of its client, and what is read of its errors.
OPENAI: Asked = ("/v1/audio/speech", {}, lambda error: (error["error"]["type"], error["error"]["code"]))
OTHER: Asked = ("/v1/nowhere?x=1", {}, OPENAI[2])
MODELS: Asked = ("/v1/models", {"xi-api-key": "x"}, lambda error: error["detail"]["status"])
ELEVENLABS: Asked = ("/v1/text-to-speech/espeak:en/stream?output_format=mp3_44100_128", {}, MODELS[2])
JAMBONZ: Asked = ("/jambonz/tts", {}, sorted)
OWN: Asked = ("/v1x", {}, lambda error: (sorted(error), error["code"]))
OF_OPENAI = {
    413: ("invalid_request_error", "payload_too_large"),
    429: ("rate_limit_error", "too_many_requests"),
    502: ("api_error", "bad_gateway"),
    504: ("api_error", "gateway_timeout"),
}
OF_ELEVENLABS = {413: "payload_too_large", 429: "too_many_concurrent_requests", 502: "bad_gateway"}
OF_ELEVENLABS[504] = "gateway_timeout"
OF_SAYNA = {413: "PAYLOAD_TOO_LARGE", 429: "TOO_MANY_REQUESTS", 502: "BAD_GATEWAY", 504: "GATEWAY_TIMEOUT"}
OURS = ["code", "error", "request_id"]
DIALECTS: list[tuple[Asked, dict[int, Any]]] = [
    (OPENAI, OF_OPENAI),
    (OTHER, OF_OPENAI),
    (MODELS, OF_ELEVENLABS),
    (ELEVENLABS, OF_ELEVENLABS),
    (JAMBONZ, {status: ["error"] for status in OF_SAYNA}),
    (OWN, {status: (OURS, code) for status, code in OF_SAYNA.items()}),
]


def hasty(folder: Path, upstream: Path, port: int) -> Path:
    """Return the shipped configuration with MaryTTS's port, one request an address, and one second for Sayna."""
    path = rendered(folder, upstream, port)
    mary = (ROOT / "deploy" / "nginx-marytts.conf").read_text("utf-8")
    (folder / "mary.conf").write_text(mary.replace("listen 59125;", f"listen 127.0.0.1:{free_port()};"), "utf-8")
    text = path.read_text("utf-8")
    for shipped, ours in (
        ("proxy_read_timeout 75s", "proxy_read_timeout 1s"),
        ("limit_conn addresses 256", "limit_conn addresses 1"),
        ("# include /opt/sayna/current/deploy/nginx-marytts.conf;", f"include {folder}/mary.conf;"),
    ):
        assert shipped in text
        text = text.replace(shipped, ours)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Nginx]:
    """nginx in front of a socket where nothing listens."""
    (tmp_path / "nginx").mkdir()
    program = Nginx(tmp_path / "nginx", tmp_path / "sayna.sock", hasty)
    with started(program, lambda: answers(program.address)):
        yield program


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[None]:
    """A service that takes every request and answers none."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "sayna.sock"))
        listener.listen(64)
        yield


def ask(address: Address, path: str, headers: dict[str, str], status: int, body: bytes = b"{}") -> tuple[Any, str]:
    """Return body and x-should-retry of an error of nginx, once it has this status: its limit is one connection."""
    answers: list[tuple[Any, str]] = []

    def comes() -> bool:
        with address.client() as client:
            client.request("POST", path, body, {"Content-Type": "application/json", **headers})
            response = client.getresponse()
            assert response.headers["X-Request-ID"]
            answers.append((response.read(), response.headers.get("x-should-retry", "")))
            return response.status == status

    until(comes, 30, f"nginx answers {path} with {status}")
    return answers[-1]


@contextmanager
def held(address: Address) -> Iterator[None]:
    """Hold the one request that an address may have; nginx still counts an earlier one while it closes that."""

    def begins() -> bool:
        sock = stack.enter_context(closing(address.connect()))
        sock.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        return sock.recv(4096).startswith(b"HTTP/1.1 100 ")

    with ExitStack() as stack:
        until(begins, 30, "nginx waits for the body")
        yield


@pytest.mark.parametrize(("asked", "told"), DIALECTS, ids=lambda value: value[0] if type(value) is tuple else "")
def test_refusals_of_nginx_have_the_dialects_shape(front: Nginx, asked: Asked, told: dict[int, Any]) -> None:
    path, headers, read = asked

    for status, body in ((502, b"{}"), (413, LARGE)):
        assert read(json.loads(ask(front.address, path, headers, status, body)[0])) == told[status]
    with held(front.address):
        assert read(json.loads(ask(front.address, path, headers, 429)[0])) == told[429]


@pytest.mark.parametrize(("asked", "told"), DIALECTS, ids=lambda value: value[0] if type(value) is tuple else "")
@pytest.mark.usefixtures("silent")
def test_timeout_of_nginx_has_the_dialects_shape(front: Nginx, asked: Asked, told: dict[int, Any]) -> None:
    path, headers, read = asked
    body, should_retry = ask(front.address, path, headers, 504)

    assert read(json.loads(body)) == told[504]
    assert should_retry == ("false" if told is OF_OPENAI else "")


def test_marytts_gets_a_line_from_nginx(front: Nginx, tmp_path: Path) -> None:
    port = int((tmp_path / "nginx" / "mary.conf").read_text("utf-8").partition("127.0.0.1:")[2].partition(";")[0])
    mary = Address(port)
    until(lambda: answers(mary), 30, "nginx listens for MaryTTS")
    assert mary.ask("POST", "/process", b"INPUT_TEXT=x").body == b"the service is not running; try again\n"
    large = mary.ask("POST", "/process", LARGE)
    assert (large.status, large.headers["content-type"]) == (413, "text/plain")
    assert ask(front.address, "/marytts/process", {}, 502)[0].endswith(b" 502\n")
    with closing(mary.connect()) as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert read_until_quiet(sock, 5)[0].endswith(b"the request is not HTTP as this server understands it\n")
