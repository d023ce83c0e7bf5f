"""What a miss costs in CPU: Sayna against a bare Flask view that passes the vendor's audio on by urllib3."""

import asyncio
import itertools

from bench.harness import TOKEN, Round, Server, gunicorn, listen, load, median, report, request, sayna, vendor

ROUNDS = 3
# A name of the vendor's for the shape of its audio (bench/vendor.py), clients, and the goal for the ratio of CPU.
CASES = (("quick", 1, 1.5), ("quick", 20, 1.5), ("instant", 20, 1.8))
RATE_GOAL = 0.65
_runs = itertools.count()

# Each request has a text that no request had before.
LUA = """
local threads, sent = 0, 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.headers["Accept"] = "audio/pcm"
function request()
  sent = sent + 1
  local text = "{shape} {run} " .. id .. " " .. sent
  local voice = '","provider":"deepgram","audio_format":"linear16"}}'
  return wrk.format("POST", "/speak", nil, '{{"text":"' .. text .. voice)
end
"""


def new_texts(server: Server, shape: str, clients: int) -> Round:
    """Return what new texts of a shape cost a server; raises RuntimeError when an answer was no 2xx."""
    server.rest()
    lua = LUA.format(token=TOKEN, shape=shape, run=next(_runs))
    return load(server, b"", connections=clients, lua=lua)


def main() -> None:
    """Interleave proxy and Sayna, and print the ratios."""
    with vendor() as slow, gunicorn("bench.proxy:app", VENDOR=str(slow.port)) as floor, sayna(slow.port) as ours:
        for server in (floor, ours):
            # A cold worker of a busy machine may take longer than wrk measures.
            for number in range(16):
                body: dict[str, object] = {"text": f"warm {number}", "provider": "deepgram", "audio_format": "linear16"}
                asyncio.run(listen(server.port, request("/speak", body)))
        for shape, clients, goal in CASES:
            for server in (floor, ours):
                new_texts(server, shape, clients)
            pairs = [(new_texts(floor, shape, clients), new_texts(ours, shape, clients)) for _ in range(ROUNDS)]
            ratio = median([mine.cpu_ms / base.cpu_ms for base, mine in pairs])
            rate = median([mine.rate / base.rate for base, mine in pairs])
            base, mine = (median([each.cpu_ms for each in side]) for side in zip(*pairs, strict=True))
            print(f"    {shape}, {clients} clients: CPU of a miss {mine:.2f} ms, of the proxy {base:.2f} ms")
            report(f"miss, {shape}, {clients} clients: CPU over the proxy's", ratio, f"<= {goal}", ratio <= goal)
        report("short misses, 20 clients: requests/s over the proxy's", rate, f">= {RATE_GOAL}", rate >= RATE_GOAL)


if __name__ == "__main__":
    main()
