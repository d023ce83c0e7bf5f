"""The real gunicorn and the real nginx, with the shipped configuration, in a folder of the test."""

import functools
import getpass
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.program import Program, children, json_lines, until
from tests.e2e.wire import Address
from tests.programs import needs

P = TypeVar("P", bound=Program)
ROOT = Path(__file__).resolve().parents[2]
# What phones.py takes: sipp needs ports in a row.
TELEPHONES = range(31000, 32000)
# One worker for a browser, which keeps connections: a worker that is stopped would wait up to 5 s for them.
ONE = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "16", "GRACEFUL_TIMEOUT": "1"}


class Gunicorn(Program):
    """Sayna, started as in production but for its folders; `env` holds settings, `inside` what runs the program."""

    def __init__(self, folder: Path, address: Address, env: dict[str, str], inside: Sequence[str] = ()) -> None:
        self.address = address
        self.cache = folder / "cache"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        settings = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.temporary),
            "BIND": f"unix:{address.path}" if address.path else f"127.0.0.1:{address.port}",
            "CACHE_PATH": str(self.cache),
            "HIBARI_ENABLED": "false",
        }
        argv = [*inside, sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
        super().__init__(argv, cwd=folder, env=settings | env, log=folder / "gunicorn.log")

    def workers(self) -> list[int]:
        """Return the pids of the workers."""
        return children(self.pid)

    def worker_of(self, port: int) -> int:
        """Return the pid of the worker that holds the local end `port` of a TCP connection."""
        sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
        return next(pid for pid in self.workers() if sockets & _open_files(pid))

    def await_workers(self, number: int) -> None:
        """Wait until each of so many workers has answered: the first one answers before the others are forked."""
        serving: set[int] = set()

        def all_serve() -> bool:
            with self.address.client() as client:
                client.ask("GET", "/")
                inodes = _inodes(client.sock.getsockname()[1], remote=True)
                sockets = {f"socket:[{inode}]" for inode in inodes}
                serving.update(pid for pid in self.workers() if sockets & _open_files(pid))
            return len(serving) == number

        until(all_serve, 60, "every worker answers")

    def stop(self) -> None:
        """End it; fails when a process, a socket or a temporary file of it stays."""
        super().stop()
        until(lambda: not list(self.temporary.iterdir()), 30, "no temporary file is left, and so no pool of engines")
        assert not answers(self.address)

    def family(self) -> list[int]:
        """Return the pids of the program, of all that descend from it, and of its pool of engines."""
        pools: list[int] = []
        for file in self.temporary.glob("sayna-*/pid"):
            # A pool that begins has not written its pid yet, and one that ends has removed it.
            with suppress(FileNotFoundError, ValueError):
                pools.append(int(file.read_text()))
        return [*super().family(), *pools, *(child for pool in pools for child in children(pool))]


class Nginx(Program):
    """The shipped deploy/nginx.conf in front of a socket; `render` may write it otherwise."""

    def __init__(self, folder: Path, upstream: Path, render: Callable[[Path, Path, int], Path] | None = None) -> None:
        program = needs("nginx", "apt-get install nginx")
        self.address = Address(free_port())
        config = (render or rendered)(folder, upstream, self.address.port)
        argv = [program, "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
        super().__init__(argv, cwd=folder, env=dict(os.environ), log=folder / "nginx.out")
        self.access_log = folder / "access.log"
        self.error_log = folder / "error.log"

    @property
    def accesses(self) -> list[dict[str, Any]]:
        """The lines of the access log that are whole; nginx writes one when it has sent the answer."""
        return json_lines(self.access_log.read_text("utf-8"))


def rendered(folder: Path, upstream: Path, port: int) -> Path:
    """Return the shipped nginx.conf with the machine's user, port and paths replaced by the test's."""
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    scratch = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    for shipped, ours in (
        ("user www-data;", f"user {getpass.getuser()};"),
        ("http {", "http {" + scratch),
        ("listen 80 ", f"listen 127.0.0.1:{port} "),
        ("/run/sayna/sayna.sock", str(upstream)),
        ("/var/lib/sayna/recordings/", f"{folder}/recordings/"),
        ("/run/nginx.pid", f"{folder}/nginx.pid"),
        ("/var/cache/sayna-clips", f"{folder}/clips"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert shipped in text
        text = text.replace(shipped, ours)
    path = folder / "nginx.conf"
    path.write_text(text, "utf-8")
    return path


def answers(address: Address) -> bool:
    """Whether anything takes connections there."""
    try:
        address.connect().close()
    except OSError:
        return False
    return True


def started(program: P, ready: Callable[[], bool]) -> P:
    """Return the program once it is ready; fails with its log when it ends before."""
    try:
        until(lambda: program.exited() or ready(), 60, "the program is ready")
        assert not program.exited(), program.log
    except BaseException:
        program.stop()
        raise
    return program


def started_below(prefix: str, folder: Path, upstream: Path) -> Nginx:
    """Return an nginx that serves Sayna as one folder of a site."""

    def below(folder: Path, upstream: Path, port: int) -> Path:
        path = rendered(folder, upstream, port)
        text = path.read_text("utf-8")
        shipped = "location / {\n            proxy_pass http://sayna;"
        assert text.count(shipped) == 1
        text = text.replace(shipped, f"location {prefix} {{ proxy_pass http://sayna/;")
        path.write_text(text, "utf-8")
        return path

    nginx = Nginx(folder, upstream, below)
    return started(nginx, lambda: answers(nginx.address))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on, another one each time.

    Not one that the kernel gives to clients: whoever connects too early to such a port may be given that very
    port, is connected to itself, and takes the server for running.
    """
    return next(port for port in _own_ports() if _is_free(port))


@functools.cache
def _own_ports() -> Iterator[int]:
    """Return the ports of this process in random order: no other worker of the same run tries one of them."""
    clients_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    number, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{end}", "") for end in ("", "_COUNT"))
    ours = range(max(1024, clients_from - 16384) + int(number[2:] or 0), max(2048, clients_from), int(workers or 1))
    ports = [port for port in ours if port not in TELEPHONES]
    # pytest-randomly gives the module random the same seed in every worker.
    secrets.SystemRandom().shuffle(ports)
    return iter(ports)


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _inodes(port: int, *, remote: bool = False) -> list[str]:
    """Return the sockets at a local or remote port; ended connections may still have rows there, without a socket."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[9] for row in rows if row[1 + remote] == f"0100007F:{port:04X}" and row[9] != "0"]


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            # A program closes files while they are looked at.
            with suppress(FileNotFoundError, ProcessLookupError):
                found.add(str(entry.readlink()))
    return found
