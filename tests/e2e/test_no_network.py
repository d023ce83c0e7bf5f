"""Without keys, Sayna asks the network for nothing: in a network where each address is this machine, which listens."""

import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.network import ip, namespace, within
from tests.e2e.wire import Address

PAGES = ("/", "/ready", "/voices", "/studio", "/docs", "/openapi.json", "/help")
# onnxruntime's telemetry asked for its address 6 s after the voice was loaded.
SECONDS = 12


class NameServer:
    """Notes the names that the programs of a network ask for, and knows none of them."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.names: list[str] = []
        self._socket = within(network, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.bind(("", 53))
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        query, client = self._socket.recvfrom(4096)
        while query:
            self.names.append(query[12:].partition(b"\0")[0].decode("latin-1"))
            # RFC 1035, 4.1.1: a response of one question and no answer, "no such name".
            self._socket.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], client)
            query, client = self._socket.recvfrom(4096)

    def close(self) -> None:
        """End the thread: shutdown(2) says that UDP has no connection, but ends its wait with no bytes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with namespace("alone") as network:
        ip("-n", network, "route", "add", "local", "default", "dev", "lo")
        server = NameServer(network)
        yield server
        server.close()


def test_sayna_without_keys_asks_for_no_name(name_server: NameServer, server: StartServer, tmp_path: Path) -> None:
    if importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("this test needs hibari; get it with: scripts/install requirements-neural.txt")
    inside = ("ip", "netns", "exec", name_server.network)
    sayna = server(at=Address(path=tmp_path / "sayna.sock"), inside=inside, HIBARI_ENABLED="true")
    for page in PAGES:
        assert sayna.address.ask("GET", page).status == 200
    for provider in ("hibari", "espeak"):
        assert sayna.address.speak("Hello there.", provider=provider).status == 200

    time.sleep(SECONDS)

    assert name_server.names == []


def test_the_name_server_notes_what_is_asked(name_server: NameServer) -> None:
    def look_up() -> None:
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("a.test", 80)

    within(name_server.network, look_up)

    assert "\x01a\x04test" in name_server.names
