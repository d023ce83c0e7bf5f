"""Recordings that are over, as the real livekit-server tells it from what an egress left in the real Redis."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from livekit.protocol import egress

from tests.e2e.conftest import StartServer
from tests.e2e.test_recordings import SECRET, livekit, redis
from tests.e2e.wire import Address
from tests.storage.places import LocalPlace

pytestmark = pytest.mark.e2e

OLD = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A Redis, and a LiveKit that keeps its list of egresses there."""
    with (
        redis(tmp_path) as redis_port,
        livekit(tmp_path, f"redis: {{address: '127.0.0.1:{redis_port}'}}") as port,
    ):
        yield redis_port, port


def put_egress(port: int, egress_id: str, path: str, status: "egress.EgressStatus") -> None:
    """Store what an egress service stores of its work (livekit-server 1.13.5, redisstore.go)."""
    info = egress.EgressInfo(egress_id=egress_id, room_name="room", status=status, started_at=10**18)
    info.room_composite.file_outputs.add(filepath=path)
    for command in (
        (b"HSET", b"egress", egress_id.encode(), info.SerializeToString()),
        (b"SADD", b"egress:room:room", egress_id.encode()),
    ):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(c), c) for c in command))
            assert connection.recv(100).startswith(b":")


def record(place: LocalPlace, stream_id: str, egress_id: str) -> str:
    """Store the note of a recording, and return where its egress writes."""
    note = {"room_name": "room", "egress_id": egress_id, "started_at": OLD}
    place.put(f"calls/{stream_id}/owner.json", json.dumps(note).encode())
    return str(place.root / "calls" / stream_id / "audio.ogg")


def test_livekit_tells_which_recordings_are_over(server: StartServer, ports: tuple[int, int], tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "recordings")
    redis_port, port = ports
    for stream_id, status in (
        ("complete", egress.EGRESS_COMPLETE),
        ("failed", egress.EGRESS_FAILED),
        ("running", egress.EGRESS_ACTIVE),
    ):
        put_egress(redis_port, f"EG_{stream_id}", record(place, stream_id, f"EG_{stream_id}"), status)
    record(place, "forgotten", "EG_forgotten")
    sayna = server(
        **place.settings, LIVEKIT_URL=f"ws://127.0.0.1:{port}", LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=SECRET,
    ).address  # fmt: skip
    body = {"room_name": "room", "participant_name": "p", "participant_identity": "p"}
    Address(port).ask("GET", "/")
    assert sayna.ask("POST", "/livekit/token", body).status == 200

    active = sayna.ask("GET", "/recording?status=active").json()
    assert [(line["stream_id"], line["size_bytes"]) for line in active["recordings"]] == [("running", None)]
    for stream_id, outcome in (("complete", "complete"), ("failed", "failed"), ("forgotten", "failed")):
        stopped = sayna.ask("DELETE", f"/recording/{stream_id}")
        assert (stopped.status, stopped.json().get("outcome")) == (200, outcome)
        assert sayna.ask("DELETE", f"/recording/{stream_id}?purge=true").json()["status"] == "purged"
    refused = sayna.ask("DELETE", "/recording/running?purge=true")
    assert (refused.status, refused.json()["code"]) == (409, "RECORDING_ACTIVE")
