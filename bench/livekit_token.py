"""Tokens: against a bare Flask view that returns as many bytes, and against LiveKit's own answer."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from livekit import api

from bench.harness import (
    ROOT,
    TOKEN,
    free_port,
    gunicorn,
    load,
    median,
    percentile,
    probe,
    report,
    request,
    running,
    wait_for,
)

ROUNDS = 7
KEY, SECRET = "devkey", "0123456789abcdef0123456789abcdef"
CONFIG = """
port: {port}
bind_addresses: ["127.0.0.1"]
keys: {{{key}: "{secret}"}}
rtc: {{tcp_port: {tcp}, udp_port: {udp}, use_external_ip: false, node_ip: 127.0.0.1}}
logging: {{level: warn}}
"""
WANTED: dict[str, object] = {
    "room_name": "lobby",
    "participant_name": "Ann",
    "participant_identity": "ann",
}


def main() -> None:
    """Print how many tokens a second, and how much later than LiveKit's answer one comes."""
    without_tenant()
    program = shutil.which("livekit-server", path=f"{ROOT}/.tools/bin{os.pathsep}{os.environ['PATH']}")
    if program is None:
        print("owned room: not measured, there is no livekit-server (.ci/run installs it)")
    else:
        owned_room(program)


def without_tenant() -> None:
    """Interleave the floor and ours."""
    payload = request("/livekit/token", WANTED)
    settings = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "LOG_FORMAT": "json"}
    with gunicorn("bench.floor:app") as floor, gunicorn("wsgi:app", **settings) as ours:
        for _ in range(2):
            load(floor, payload), load(ours, payload)
        rates, cpus = [], []
        for _ in range(ROUNDS):
            base, mine = load(floor, payload), load(ours, payload)
            rates.append(mine.rate / base.rate)
            cpus.append(mine.cpu_ms / base.cpu_ms)
    rate = median(rates)
    report("token without tenant: requests/s over the floor's", rate, ">= 0.7", rate >= 0.7)
    print(f"    best round {max(rates):.2f}; CPU per request over the floor's {median(cpus):.2f}")


def owned_room(program: str) -> None:
    """Interleave one client's ListRooms at LiveKit with its tokens for a room of its own."""
    tenant = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": TOKEN, "LOG_FORMAT": "json"}
    with livekit(program) as port:
        keys = {
            "LIVEKIT_URL": f"ws://127.0.0.1:{port}",
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
        }
        with gunicorn("wsgi:app", **tenant, **keys) as ours:
            token, rooms = request("/livekit/token", WANTED), list_rooms()
            load(ours, token, connections=16)
            added, tails = [], []
            for _ in range(ROUNDS):
                theirs = asyncio.run(probe(port, rooms, 1.5))
                mine = asyncio.run(probe(ours.port, token, 1.5))
                added.append(median(mine) - median(theirs))
                tails.append(percentile(mine, 0.99) - percentile(theirs, 0.99))
    late = median(added)
    report("token for an owned room: median over LiveKit's own, ms", late, "<= 3", late <= 3)
    print(f"    best round {min(added):.2f} ms; p99 over LiveKit's own {median(tails):.2f} ms")


def list_rooms() -> bytes:
    """Return the one question that a token for an owned room asks LiveKit."""
    grant = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(room_list=True)).to_jwt()
    payload = api.ListRoomsRequest(names=["lobby"]).SerializeToString()
    head = (
        "POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\nHost: bench\r\n"
        f"Authorization: Bearer {grant}\r\n"
        f"Content-Type: application/protobuf\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


@contextlib.contextmanager
def livekit(program: str) -> Iterator[int]:
    """Run livekit-server until the block ends."""
    ports = {name: free_port() for name in ("port", "tcp", "udp")}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "livekit.yaml"
        config.write_text(CONFIG.format(key=KEY, secret=SECRET, **ports), "utf-8")
        with running([program, "--config", str(config)]):
            wait_for(ports["port"])
            yield ports["port"]


if __name__ == "__main__":
    main()
