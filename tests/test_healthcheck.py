"""The health check of a container."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sayna.healthcheck import is_healthy

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BAD = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
Bind = Callable[[Path], tuple[socket.socket, str]]


def tcp(host: str) -> Bind:
    def bind(_: Path) -> tuple[socket.socket, str]:
        sock = socket.create_server(("127.0.0.1", 0))
        return sock, f"{host}:{sock.getsockname()[1]}"

    return bind


def unix(folder: Path) -> tuple[socket.socket, str]:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(folder / "s"))
    sock.listen()
    return sock, f"unix:{folder}/s"


@pytest.mark.parametrize("bind", [tcp("127.0.0.1"), tcp("0.0.0.0"), tcp("localhost"), unix])
@pytest.mark.parametrize(("response", "expected"), [(OK, True), (BAD, False), (b"SSH-2.0\r\n", False), (b"", False)])
def test_server_is_healthy_when_it_returns_200(tmp_path: Path, bind: Bind, response: bytes, expected: bool) -> None:
    listener, name = bind(tmp_path)

    def respond() -> None:
        with closing(listener.accept()[0]) as sock:
            sock.recv(4096)
            sock.sendall(response)

    with closing(listener):
        thread = threading.Thread(target=respond)
        thread.start()
        assert is_healthy(name) is expected
        thread.join(5)


def test_server_is_unhealthy_when_nothing_listens(tmp_path: Path) -> None:
    listener, name = tcp("127.0.0.1")(tmp_path)
    listener.close()
    assert not is_healthy(name)
    assert not is_healthy(f"unix:{tmp_path}/nothing")
