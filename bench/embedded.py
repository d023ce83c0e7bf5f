"""The embedded engine, cold, against a bare Flask view that starts espeak-ng for each request."""

import asyncio
import itertools
import multiprocessing
import shutil
import sys
import time

from bench.harness import Server, gunicorn, listen, median, report, request, sayna

ROUNDS, SECONDS, CLIENTS = 5, 2.0, 4
SENTENCE = "The quick brown fox jumps over the lazy dog and runs into the deep wood {}"
_numbers = itertools.count(100)


def rate(server: Server, path: str) -> float:
    """Return sentences a second, each of them new, from a process of clients."""
    start = next(_numbers) * 10_000
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_drive, (server.port, path, start))


def _drive(port: int, path: str, start: int) -> float:
    return asyncio.run(_crowd(port, path, itertools.count(start)))


async def _crowd(port: int, path: str, numbers: "itertools.count[int]") -> float:
    until = time.monotonic() + SECONDS

    async def one() -> int:
        done = 0
        while time.monotonic() < until:
            body: dict[str, object] = {"text": SENTENCE.format(next(numbers)), "sample_rate": 22050}
            heard = await listen(port, request(path, body, "audio/wav"))
            if heard.status != 200:
                raise RuntimeError(f"status {heard.status}")
            done += 1
        return done

    started = time.monotonic()
    done = sum(await asyncio.gather(*(one() for _ in range(CLIENTS))))
    return done / (time.monotonic() - started)


def main() -> None:
    """Interleave the two, and print the ratio."""
    if shutil.which("espeak-ng") is None:
        sys.exit("espeak-ng is missing: apt-get install espeak-ng")
    with gunicorn("bench.floor:app") as floor, sayna() as ours:
        rate(floor, "/espeak"), rate(ours, "/speak")
        ratios = []
        for _ in range(ROUNDS):
            base = rate(floor, "/espeak")
            ratios.append(rate(ours, "/speak") / base)
        ratio = median(ratios)
        report("embedded engine, cold: requests/s over espeak-ng started for each", ratio, ">= 2", ratio >= 2)


if __name__ == "__main__":
    main()
