"""Two machines and a Redis on a network with a delay that can be cut: in network namespaces, or on loopback."""

import ctypes
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.wire import Address
from tests.programs import needs

DELAY = 0.001  # seconds, each way
CLONE_NEWNET = 0x40000000
T = TypeVar("T")


class SlowLink:
    """A TCP port that passes bytes on to a socket of this machine, late; while it is cut, it holds them."""

    def __init__(self, host: str, port: int, target: Path) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Pass nothing on, and end no connection: the other side only hears nothing."""
        self._open.clear()

    def heal(self) -> None:
        """Pass on what was held, and what follows."""
        self._open.set()

    def close(self) -> None:
        """End all connections."""
        self._open.set()
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = Address(path=self._target).connect()
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                time.sleep(DELAY)
                self._open.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True)
class Network:
    """Where each machine finds Redis, what its program runs inside of, and how to cut it off."""

    hosts: tuple[str, str]
    ports: tuple[int, int]
    inside: tuple[tuple[str, ...], tuple[str, ...]]
    cut: Callable[[int], None]
    heal: Callable[[int], None]
    within: Callable[[int, Callable[[], T]], T]


@contextmanager
def loopback(redis: Path) -> Iterator[Network]:
    """Give each machine a slow link of its own to the Redis at a socket."""
    links = [SlowLink("127.0.0.1", 0, redis) for _ in range(2)]
    try:
        yield Network(
            ("127.0.0.1", "127.0.0.1"),
            (links[0].port, links[1].port),
            ((), ()),
            lambda number: links[number].cut(),
            lambda number: links[number].heal(),
            lambda _, work: work(),
        )
    finally:
        for link in links:
            link.close()


@contextmanager
def namespaces(redis: Path) -> Iterator[Network]:
    """Give each machine a network namespace of its own, with a cable to a third one that has the Redis."""
    needs("ip", "apt-get install iproute2")
    if os.geteuid() != 0:
        pytest.skip("this test makes network namespaces; run it as root")
    prefix = f"sayna{os.getpid()}"
    store, *hosts = names = [f"{prefix}-{each}" for each in ("store", "a", "b")]
    with ExitStack() as stack:
        for name in names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
        links = []
        for number, host in enumerate(hosts):
            here, there = f"10.9.{number}.1", f"10.9.{number}.2"
            _ip("-n", store, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", host)
            for namespace, device, address in ((store, f"to{number}", here), (host, "eth0", there)):
                _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", device)
                _ip("-n", namespace, "link", "set", device, "up")
            links.append(_within(store, lambda here=here: SlowLink(here, 6379, redis)))  # type: ignore[misc]
            stack.callback(links[-1].close)
        yield Network(
            ("10.9.0.1", "10.9.1.1"),
            (6379, 6379),
            (("ip", "netns", "exec", hosts[0]), ("ip", "netns", "exec", hosts[1])),
            # A cable that is pulled: no packet arrives, and none says so.
            lambda number: _ip("-n", store, "link", "set", f"to{number}", "down"),
            lambda number: _ip("-n", store, "link", "set", f"to{number}", "up"),
            lambda number, work: _within(hosts[number], work),
        )


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _within(namespace: str, work: Callable[[], T]) -> T:
    """Return what `work` returns in a thread inside of a namespace; its sockets stay there."""
    found: list[T] = []

    def run() -> None:
        with Path(f"/run/netns/{namespace}").open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        found.append(work())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]
