"""What every benchmark needs: servers started and stopped, load, CPU and memory of a process tree."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "bench-secret-0123456789abcdef"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running gunicorn or vendor on loopback."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return user and system time of the whole process tree."""
        ticks = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in tree(self.pid))
        return sum(int(fields[11]) + int(fields[12]) for fields in ticks) / TICK

    def pss_megabytes(self, *others: int) -> float:
        """Return the proportional set size of the whole tree, and of those of `others`, in 10^6 bytes."""
        pids = (pid for root in (self.pid, *others) for pid in tree(root))
        rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
        lines = (line for text in rollups for line in text.splitlines() if line.startswith("Pss:"))
        return sum(int(line.split()[1]) for line in lines) * 1024 / 1e6

    def rest(self) -> None:
        """Wait until the tree is idle, so that one measurement does not pay for another."""
        before = -1.0
        while (now := self.cpu_seconds()) != before:
            before = now
            time.sleep(0.2)


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *(each for child in children.read_text().split() for each in tree(int(child)))]


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def gunicorn_command(module: str) -> list[str]:
    """Return the command that serves an application as Sayna is served."""
    settings = "gunicorn.conf.py" if module == "wsgi:app" else "bench/floor_conf.py"
    return [sys.executable, "-m", "gunicorn", "-c", settings, module]


@contextlib.contextmanager
def gunicorn(module: str, **env: str) -> Iterator[Server]:
    """Run an application under the project's own gunicorn settings until the block ends."""
    port = free_port()
    command = gunicorn_command(module)
    with (
        tempfile.TemporaryDirectory() as cache,
        running(
            command,
            **{"HOST": "127.0.0.1", "PORT": str(port), "CACHE_PATH": f"{cache}/cache", "HIBARI_ENABLED": "false"} | env,
        ) as pid,
    ):
        wait_for(port)
        yield Server(port, pid)


@contextlib.contextmanager
def vendor() -> Iterator[Server]:
    """Run the slow vendor until the block ends."""
    port = free_port()
    with running([sys.executable, "-m", "bench.vendor", str(port)]) as pid:
        wait_for(port, "/count")
        yield Server(port, pid)


@contextlib.contextmanager
def running(command: list[str], **env: str) -> Iterator[int]:
    """Run a program in the checkout, silent, and stop it by its own pid."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def sayna(vendor_port: int | None = None, **env: str) -> contextlib.AbstractContextManager[Server]:
    """Run Sayna as it is deployed: four workers, auth on, logged; with the slow vendor when there is one."""
    deepgram = (
        {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": f"http://127.0.0.1:{vendor_port}"} if vendor_port else {}
    )
    return gunicorn("wsgi:app", AUTH_REQUIRED="true", AUTH_API_SECRET=TOKEN, LOG_FORMAT="json", **deepgram, **env)


def wait_for(port: int, path: str = "/", seconds: float = 30) -> None:
    """Return when the server answers; raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise TimeoutError(f"nothing answers on port {port}")


def request(path: str, body: dict[str, object], accept: str = "audio/pcm") -> bytes:
    """Return the bytes of one POST."""
    payload = json.dumps(body).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: bench",
        f"Authorization: Bearer {TOKEN}",
        f"Accept: {accept}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + payload


@dataclass(frozen=True, slots=True)
class Round:
    """One second or so of load: requests a second, and server CPU in ms a request."""

    rate: float
    cpu_ms: float


def load(server: Server, payload: bytes, *, connections: int = 8, seconds: float = 2, lua: str = "") -> Round:
    """Return what wrk measures, which sends one payload over kept-alive connections; raises RuntimeError.

    `lua` makes the requests instead of the payload. A client in Python takes half of two cores, and so flatters a
    slow server.
    """
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder, "payload"), Path(folder, "wrk.lua")
        body.write_bytes(payload)
        same = f'local all = io.open("{body}", "rb"):read("*a")\nrequest = function() return all end\n'
        script.write_text(lua or same)
        argv = [
            "wrk",
            "-t",
            str(min(2, connections)),
            "-c",
            str(connections),
            "-d",
            f"{seconds:.0f}s",
            "-s",
            str(script),
        ]
        cpu = server.cpu_seconds()
        said = subprocess.run(
            [*argv, f"http://127.0.0.1:{server.port}/"], capture_output=True, text=True, check=True
        ).stdout
    cpu = server.cpu_seconds() - cpu
    # The first answers may take longer than wrk waits: then it counts a timeout, and goes on.
    if "Non-2xx" in said or ("Socket errors" in said and "connect 0, read 0, write 0" not in said):
        raise RuntimeError(said)
    count = int(re.findall(r"(\d+) requests in", said)[0])
    return Round(float(re.findall(r"Requests/sec: +([\d.]+)", said)[0]), cpu * 1000 / count)


@dataclass(frozen=True, slots=True)
class Heard:
    """One streamed answer: status, moments in seconds on the monotonic clock, bytes of audio."""

    status: int
    started: float
    first: float
    ended: float
    size: int

    @property
    def first_ms(self) -> float:
        """Milliseconds from the request to the first byte of audio."""
        return (self.first - self.started) * 1000


async def listen(port: int, payload: bytes) -> Heard:
    """Return what one request on a new connection hears; raises when the answer breaks off."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(payload)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status, size, first = int(head[9:12]), 0, 0.0
    if b"chunked" in head:
        while length := int((await reader.readuntil(b"\r\n")).strip(), 16):
            first = first or time.monotonic()
            await reader.readexactly(length + 2)
            size += length
    else:
        size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(min(size, 1))
        first = time.monotonic()
        await reader.readexactly(max(size - 1, 0))
    writer.close()
    return Heard(status, started, first, time.monotonic(), size)


async def probe(port: int, payload: bytes, seconds: float, *, pause: float = 0.005) -> list[float]:
    """Return the latencies in ms of one client that pauses between its requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    latencies, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        writer.write(payload)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        latencies.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(pause)
    writer.close()
    return latencies


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(name: str, figure: float, goal: str, reached: bool) -> None:
    """Print one line of the table."""
    print(f"{name:<66} {figure:>9.2f}   goal {goal:<10} {'reached' if reached else 'MISSED'}", flush=True)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)
