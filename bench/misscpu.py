"""What a miss costs in CPU: Sayna against a bare Flask view that passes the vendor's audio on by urllib3."""

import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.harness import TOKEN, Server, gunicorn, median, report, sayna, vendor

ROUNDS, SECONDS = 3, 2
# A name of the vendor's for the shape of its audio (bench/vendor.py), clients, and the goal for the ratio of CPU.
CASES = (("quick", 1, 1.5), ("quick", 20, 1.5), ("instant", 20, 1.8))
RATE_GOAL = 0.65
_runs = itertools.count()

# Each request has a text that no request had before.
SCRIPT = """
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
local sent = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.headers["Accept"] = "audio/pcm"
function request()
  sent = sent + 1
  local text = "{shape} {run} " .. id .. " " .. sent
  return wrk.format(nil, nil, nil, '{{"text":"' .. text .. '","provider":"deepgram","audio_format":"linear16"}}')
end
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of the server in ms a request, and requests a second."""

    cpu_ms: float
    rate: float


def cost(server: Server, shape: str, clients: int) -> Cost:
    """Return what new texts of a shape cost a server; raises RuntimeError when an answer was no 2xx."""
    server.rest()
    with _script(shape) as script:
        argv = ["wrk", "-t", str(min(2, clients)), "-c", str(clients), "-d", f"{SECONDS}s", "-s", str(script)]
        before = server.cpu_seconds()
        said = subprocess.run(
            [*argv, f"http://127.0.0.1:{server.port}/speak"], capture_output=True, text=True, check=True
        ).stdout
        spent = server.cpu_seconds() - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    answers = int(re.findall(r"(\d+) requests in", said)[0])
    return Cost(spent * 1000 / answers, float(re.findall(r"Requests/sec: +([\d.]+)", said)[0]))


@contextmanager
def _script(shape: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new_texts.lua"
        path.write_text(SCRIPT.format(token=TOKEN, shape=shape, run=next(_runs)), "utf-8")
        yield path


def main() -> None:
    """Interleave proxy and Sayna, and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with vendor() as slow, gunicorn("bench.proxy:app", VENDOR=str(slow.port)) as floor, sayna(slow.port) as ours:
        for shape, clients, goal in CASES:
            for server in (floor, ours):
                cost(server, shape, clients)
            pairs = [(cost(floor, shape, clients), cost(ours, shape, clients)) for _ in range(rounds)]
            ratio = median([mine.cpu_ms / base.cpu_ms for base, mine in pairs])
            rate = median([mine.rate / base.rate for base, mine in pairs])
            base, mine = (median([each.cpu_ms for each in side]) for side in zip(*pairs, strict=True))
            print(f"    {shape}, {clients} clients: CPU of a miss {mine:.2f} ms, of the proxy {base:.2f} ms")
            report(f"miss, {shape}, {clients} clients: CPU over the proxy's", ratio, f"<= {goal}", ratio <= goal)
        report("short misses, 20 clients: requests/s over the proxy's", rate, f">= {RATE_GOAL}", rate >= RATE_GOAL)


if __name__ == "__main__":
    main()
