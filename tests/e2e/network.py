"""Two machines and a Redis on a network with a delay that can be cut: in network namespaces, or on loopback."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import TypeVar

import pytest

from tests.e2e.program import Program
from tests.e2e.servers import ROOT, free_port, started
from tests.programs import needs

LOCAL = "127.0.0.1"
CLONE_NEWNET = 0x40000000
T = TypeVar("T")


class SlowLink(Program):
    """The way to the Redis of a folder."""

    def __init__(self, folder: Path, host: str, port: int, inside: Sequence[str] = ()) -> None:
        argv = [*inside, sys.executable, "-m", "tests.e2e.slow_link", host, str(port), str(folder / "redis.sock")]
        super().__init__(argv, cwd=ROOT, env=dict(os.environ), log=folder / f"link-{host}-{port}.log")

    def is_open(self) -> bool:
        """Return whether it takes connections."""
        return "listening" in self.log

    def cut(self) -> None:
        """Pass nothing on, and end no connection: the other side only hears nothing."""
        self.signal(SIGSTOP)

    def heal(self) -> None:
        """Pass on what was held, and what follows."""
        self.signal(SIGCONT)

    def stop(self) -> None:
        """End it, also while it is cut."""
        self.heal()
        super().stop()


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
def loopback(folder: Path) -> Iterator[Network]:
    """Give each machine a slow link of its own to the Redis of a folder."""
    ports = free_port(), free_port()
    with ExitStack() as stack:
        links = [SlowLink(folder, LOCAL, port) for port in ports]
        for link in links:
            stack.enter_context(started(link, link.is_open))
        yield Network(
            (LOCAL, LOCAL),
            ports,
            ((), ()),
            lambda number: links[number].cut(),
            lambda number: links[number].heal(),
            lambda _, work: work(),
        )


@contextmanager
def namespace(suffix: str) -> Iterator[str]:
    """Give the name of a network of its own, which has loopback only."""
    needs("ip", "apt-get install iproute2")
    if os.geteuid() != 0:
        pytest.skip("this test makes network namespaces; run it as root")
    name = f"sayna{os.getpid()}-{suffix}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


@contextmanager
def namespaces(folder: Path) -> Iterator[Network]:
    """Give each machine a network of its own, with a cable to a third one that has the Redis."""
    with ExitStack() as stack:
        store, *hosts = [stack.enter_context(namespace(each)) for each in ("store", "a", "b")]
        for number, host in enumerate(hosts):
            here, there = f"10.9.{number}.1", f"10.9.{number}.2"
            ip("-n", store, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", host)
            for name, device, address in ((store, f"to{number}", here), (host, "eth0", there)):
                ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
                ip("-n", name, "link", "set", device, "up")
            link = SlowLink(folder, here, 6379, ("ip", "netns", "exec", store))
            stack.enter_context(started(link, link.is_open))
        yield Network(
            ("10.9.0.1", "10.9.1.1"),
            (6379, 6379),
            (("ip", "netns", "exec", hosts[0]), ("ip", "netns", "exec", hosts[1])),
            # A cable that is pulled: no packet arrives, and none says so.
            lambda number: ip("-n", store, "link", "set", f"to{number}", "down"),
            lambda number: ip("-n", store, "link", "set", f"to{number}", "up"),
            lambda number, work: within(hosts[number], work),
        )


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def within(namespace: str, work: Callable[[], T]) -> T:
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
