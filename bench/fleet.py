"""Two machines that share Redis against one without: hits, first bytes of misses, and when the other machine hears."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.harness import (
    Heard,
    Server,
    listen,
    load,
    median,
    percentile,
    report,
    request,
    running,
    sayna,
    vendor,
)  # fmt: skip
from bench.misses import alone, speak

ROUNDS, MISSES, BURSTS, LISTENERS = 5, 20, 20, 5
SECRET = "one-secret-for-all-machines-0123456789"


@contextlib.contextmanager
def redis() -> Iterator[dict[str, str]]:
    """Run a Redis on a socket of its own, and give the settings of its machines."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        with running(command):
            until = time.monotonic() + 10
            while not socket.exists() and time.monotonic() < until:
                time.sleep(0.01)
            yield {"REDIS_URL": f"unix://{socket}", "SAYNA_SECRET": SECRET}


def hits(shared: Server, single: Server) -> None:
    """Compare requests a second of a cached clip, round by round."""
    payload = request("/speak", {"text": "the one that is cached", "provider": "deepgram", "audio_format": "linear16"})
    for server in (shared, single):
        for _ in range(40):
            asyncio.run(listen(server.port, payload))
    rates, costs = [], []
    for number in range(ROUNDS):
        pair = (shared, single) if number % 2 else (single, shared)
        found = {server.port: load(server, payload) for server in pair}
        rates.append(found[shared.port].rate / found[single.port].rate)
        costs.append(found[shared.port].cpu_ms / found[single.port].cpu_ms)
    print("    rounds: " + " ".join(f"{ratio:.2f}" for ratio in rates))
    report("hits with Redis, requests/s of those without (median)", median(rates), ">= 0.97", median(rates) >= 0.97)
    report("hits with Redis, CPU a request of those without (median)", median(costs), "<= 1.03", median(costs) <= 1.03)


def misses(shared: Server, single: Server) -> None:
    """Compare first bytes, alternating between the two."""
    found: dict[int, list[float]] = {shared.port: [], single.port: []}
    for _ in range(ROUNDS):
        for server in (shared, single):
            found[server.port] += alone(server.port, [speak("short chunked") for _ in range(MISSES)])
    over = median(found[shared.port]) - median(found[single.port])
    report("miss with Redis: first byte over that without, ms (median)", over, "<= 2", over <= 2)


async def _together(ports: list[int], payload: bytes) -> list[Heard]:
    return await asyncio.gather(*(listen(port, payload) for port in ports))


def followers(one: Server, other: Server) -> None:
    """Measure how long after the first listener of the machine that leads the first one of the other hears."""
    lags = []
    for _ in range(BURSTS):
        ports = [one.port] * LISTENERS + [other.port] * LISTENERS
        heard = asyncio.run(_together(ports, speak("a long one")))
        firsts = [min(each.first for each in half) for half in (heard[:LISTENERS], heard[LISTENERS:])]
        lags.append(abs(firsts[0] - firsts[1]) * 1000)
        assert all(each.status == 200 and each.size == 100_000 for each in heard)
    report("first byte on the other machine after the leader's, ms (p50)", median(lags), "<= 10", median(lags) <= 10)
    print(f"    p90 {percentile(lags, 0.9):.1f} ms")


def main() -> None:
    """Print what Redis costs and what it brings; two workers each, because three servers share the cores."""
    workers = {"WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2")}
    with (
        redis() as settings,
        vendor() as slow,
        sayna(slow.port, **settings, **workers) as one,
        sayna(slow.port, **settings, **workers) as other,
        sayna(slow.port, **workers) as single,
    ):
        hits(one, single)
        misses(one, single)
        followers(one, other)


if __name__ == "__main__":
    main()
