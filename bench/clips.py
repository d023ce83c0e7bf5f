"""Clip URLs: from nginx's cache against the same file from its disk, from gunicorn against bare Flask, and bursts."""

import asyncio
import contextlib
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.bursts import calls
from bench.harness import (
    Heard,
    Server,
    free_port,
    gunicorn,
    listen,
    load,
    median,
    report,
    running,
    sayna,
    vendor,
    wait_for,
)
from tests.blueprints.clips import SECRETS, path_of
from tests.e2e.servers import rendered

ROUNDS, SECONDS, BURSTS, LISTENERS = 5, 2, 10, 200
VOICE = {"p": "deepgram", "v": "aura-2-thalia-en"}


@contextlib.contextmanager
def nginx(behind: int, file: bytes) -> Iterator[Server]:
    """Run the shipped nginx.conf in front of a port; /floor/clip is a file of these bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder, port, upstream = Path(name), free_port(), Path("/run/bench.sock")
        (folder / "floor").mkdir()
        (folder / "floor" / "clip").write_bytes(file)
        path = rendered(folder, upstream, port)
        floor = f"location /floor/ {{ alias {folder}/floor/; }}\n        location / {{"
        text = path.read_text("utf-8").replace(f"unix:{upstream}", f"127.0.0.1:{behind}")
        path.write_text(text.replace("location / {", floor, 1), "utf-8")
        # The workers of another user must read what is here.
        folder.chmod(0o755)
        with running(["nginx", "-p", name, "-c", str(path), "-g", "daemon off;"]) as pid:
            wait_for(port)
            yield Server(port, pid)


def wrk(port: int, path: str) -> float:
    """Return requests a second over 16 kept connections."""
    return load(Server(port, os.getpid()), get(path), connections=16, seconds=SECONDS).rate


def get(path: str) -> bytes:
    """Return the bytes of one GET."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def burst(port: int, path: str) -> list[Heard]:
    """Return what all hear who ask for one clip at once, half of them in each of two processes."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = pool.starmap(_listen, [(port, get(path), LISTENERS // 2)] * 2)
    return [heard for half in halves for heard in half]


def _listen(port: int, payload: bytes, listeners: int) -> list[Heard]:
    return asyncio.run(_together(port, payload, listeners))


async def _together(port: int, payload: bytes, listeners: int) -> list[Heard]:
    return await asyncio.gather(*(listen(port, payload) for _ in range(listeners)))


def main() -> None:
    """Print the rates, and how many bursts cost one call and were whole."""
    path = path_of({"t": "a clip that is cached", **VOICE}, "sln24")
    with vendor() as slow, sayna(slow.port, CLIP_SECRETS_JSON=SECRETS) as ours, gunicorn("bench.floor:app") as bare:
        size = asyncio.run(listen(ours.port, get(path))).size
        with nginx(ours.port, bytes(size)) as front:
            wrk(front.port, path)
            wrk(ours.port, path)
            rates = [
                [
                    wrk(front.port, path),
                    wrk(front.port, "/floor/clip"),
                    wrk(ours.port, path),
                    wrk(bare.port, f"/bytes/{size}"),
                ]
                for _ in range(ROUNDS)
            ]
            single = whole = 0
            for number in range(BURSTS):
                before = calls(slow)
                heard = burst(front.port, path_of({"t": f"burst {number}", **VOICE}, "sln24"))
                single += calls(slow) - before == 1
                whole += all(each.status == 200 and each.size == heard[0].size for each in heard)
    cached, disk, direct, flask = (median(each) for each in zip(*rates, strict=True))
    print(f"    {size} bytes; requests/s: nginx's cache {cached:.0f}, its disk {disk:.0f}, gunicorn {direct:.0f}")
    ratio = median([each[0] / each[1] for each in rates])
    reached = cached >= 10_000 or ratio >= 0.8
    report("cached clip through nginx, over the same file from its disk", ratio, ">= 0.8", reached)
    ratio = median([each[2] / each[3] for each in rates])
    report(f"cached clip from gunicorn, over bare Flask ({flask:.0f}/s)", ratio, ">= 0.6", ratio >= 0.6)
    report("200 first requests at once: bursts with one vendor call", single, str(BURSTS), single == BURSTS)
    report("200 first requests at once: bursts that were whole", whole, str(BURSTS), whole == BURSTS)


if __name__ == "__main__":
    main()
