"""Recordings through the real gunicorn and the real nginx, with the clients that people use."""

import asyncio
import hashlib
import http.client
import json
import select
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sayna_client import SaynaClient
from sayna_client.errors import SaynaHttpError

from tests.e2e.conftest import StartNginx, StartServer
from tests.e2e.program import Program, until
from tests.e2e.servers import answers, free_port, started
from tests.e2e.wire import TIMEOUT, Address
from tests.programs import needs
from tests.recordings.wire import Reply, Wire
from tests.storage.places import LocalPlace, S3Place, s3_server

AUDIO = b"OggS" + bytes(range(256)) * 20_000
AUTH = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": json.dumps([{"id": "a", "secret": "secret-a"}, {"id": "b", "secret": "secret-b"}]),
}
SECRET = "0123456789abcdef0123456789abcdef"
S3 = {
    "RECORDING_S3_BUCKET": "recordings",
    "RECORDING_S3_ACCESS_KEY": "key",
    "RECORDING_S3_SECRET_KEY": "secret",
    "RECORDING_S3_FORCE_PATH_STYLE": "true",
}
S3_HEAD = {"ETag": '"e"', "Last-Modified": "Sun, 22 Nov 2026 14:00:00 GMT", "Content-Type": "audio/ogg"}


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Place]:
    """A bucket of a real S3 server."""
    (tmp_path / "s3").mkdir()
    with s3_server(tmp_path / "s3") as port:
        yield S3Place(port, "recordings")


def test_the_guides_curl_saves_the_file_under_its_name(
    s3: S3Place, server: StartServer, nginx: StartNginx, tmp_path: Path
) -> None:
    s3.record("support-call-789", AUDIO)
    server(at=Address(path=tmp_path / "sayna.sock"), **s3.settings)
    front = nginx(tmp_path / "sayna.sock")
    url = f"http://127.0.0.1:{front.address.port}/recording/support-call-789"
    subprocess.run([needs("curl", "apt-get install curl"), "-sSOJ", "--fail", url], cwd=tmp_path, check=True)
    assert (tmp_path / "support-call-789.ogg").read_bytes() == AUDIO


def test_the_sdk_gets_a_recording(s3: S3Place, server: StartServer) -> None:
    s3.record("call", AUDIO, auth_id="a")
    url = f"http://127.0.0.1:{server(**s3.settings, **AUTH).address.port}"

    async def get(key: str) -> tuple[bytes, dict[str, str]]:
        client = SaynaClient(url, api_key=key, without_audio=True)
        try:
            audio, headers = await client.get_recording("call")
            return audio, headers
        finally:
            await client._http_client.close()

    audio, headers = asyncio.run(get("secret-a"))
    assert (audio, headers["Content-Type"], headers["Content-Length"]) == (
        AUDIO,
        "audio/ogg",
        str(len(AUDIO)),
    )
    with pytest.raises(SaynaHttpError, match="Not found or not accessible"):
        asyncio.run(get("secret-b"))


def test_a_store_that_breaks_off_aborts_the_answer_through_nginx_too(
    server: StartServer, nginx: StartNginx, tmp_path: Path
) -> None:
    with Wire() as store:
        sock = Address(path=tmp_path / "sayna.sock")
        sayna = server(
            at=sock,
            **S3, RECORDING_S3_ENDPOINT=store.url,
        )  # fmt: skip
        front = nginx(tmp_path / "sayna.sock")
        for address in (sayna.address, front.address):
            store.script.append(Reply(200, AUDIO, S3_HEAD, cut=3_000_000))
            with address.client() as client:
                response = client.begin("GET", "/recording/call")
                assert (response.status, response.headers["Content-Length"]) == (200, str(len(AUDIO)))
                with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                    response.read()
        assert not store.complaints


def test_a_caller_who_leaves_frees_the_connection_to_the_store(server: StartServer) -> None:
    big = b"OggS" + bytes(50_000_000)
    with Wire(lambda _: Reply(200, big, S3_HEAD)) as store:
        sayna = server(
            **S3, RECORDING_S3_ENDPOINT=store.url,
        )  # fmt: skip
        with sayna.address.client() as client:
            client.begin("GET", "/recording/call").read(1000)
        assert store.closed_early.wait(60)


def test_nginx_sends_the_file_once_sayna_allows_it(server: StartServer, nginx: StartNginx, tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "nginx" / "recordings")
    (tmp_path / "nginx").rename(tmp_path / "kept")
    server(
        at=Address(path=tmp_path / "sayna.sock"), **AUTH, RECORDING_PREFIX="calls",
        RECORDING_LOCAL_PATH=str(place.root), RECORDING_ACCEL_PREFIX="/_recordings",
    )  # fmt: skip
    front = nginx(tmp_path / "sayna.sock").address
    (tmp_path / "kept" / "recordings").rename(place.root)
    place.record("call", AUDIO, auth_id="a")
    (place.root / "calls/linked").mkdir()
    (place.root / "calls/linked/audio.ogg").symlink_to("/etc/hostname")
    mine, theirs = {"Authorization": "Bearer secret-a"}, {"Authorization": "Bearer secret-b"}

    whole = front.ask("GET", "/recording/call", **mine)
    assert (whole.status, whole.body) == (200, AUDIO)
    assert whole.headers["content-type"] == "audio/ogg"
    assert whole.headers["content-disposition"] == 'attachment; filename="call.ogg"'
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "x-accel-redirect" not in whole.headers
    part = front.ask("GET", "/recording/call", Range="bytes=4-7", **mine)
    assert (part.status, part.body) == (206, AUDIO[4:8])
    etag = whole.headers["etag"]
    assert front.ask("GET", "/recording/call", If_None_Match=etag, **mine).status == 304
    told = front.ask("HEAD", "/recording/call", **mine)
    assert (told.status, told.headers["content-length"], told.body) == (200, str(len(AUDIO)), b"")
    assert front.ask("GET", "/recording/call", **theirs).json()["code"] == "RECORDING_NOT_FOUND"
    assert front.ask("GET", "/recording/linked", **mine).status == 404
    for path in ("/_recordings/calls/call/audio.ogg", "/_recordings/../recording/call"):
        assert front.ask("GET", path).status in (401, 404)


def test_a_hundred_slow_readers_do_not_slow_health(server: StartServer, nginx: StartNginx, tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "recordings")
    place.record("call", AUDIO)
    server(at=Address(path=tmp_path / "sayna.sock"), **place.settings)
    front = nginx(tmp_path / "sayna.sock").address
    readers = [_reader(front) for _ in range(100)]
    try:
        # The last ones may wait until Sayna gives up those that read nothing.
        until(lambda: sum(map(_has_begun, readers)) >= 50, 60, "recordings are under way")
        taken = []
        for _ in range(50):
            begun = time.monotonic()
            assert front.ask("GET", "/").status == 200
            taken.append(time.monotonic() - begun)
        # Behind the readers each would wait for seconds.
        assert statistics.median(taken) < 0.5
    finally:
        for reader in readers:
            reader.close()


def test_egress_without_redis_is_told_by_the_real_livekit(server: StartServer, tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "recordings")
    with livekit(tmp_path) as port:
        sayna = server(
            **place.settings, LIVEKIT_URL=f"ws://127.0.0.1:{port}", LIVEKIT_API_KEY="devkey",
            LIVEKIT_API_SECRET=SECRET, **AUTH,
        ).address  # fmt: skip
        mine, theirs = {"Authorization": "Bearer secret-a"}, {"Authorization": "Bearer secret-b"}
        body = {"room_name": "room", "stream_id": "call"}
        assert sayna.ask("POST", "/recording", body, **mine).json()["code"] == "ROOM_NOT_FOUND"
        names = {"participant_name": "p", "participant_identity": "p"}
        assert sayna.ask("POST", "/livekit/token", {"room_name": "room", **names}, **mine).status == 200
        assert sayna.ask("POST", "/recording", body, **theirs).json()["code"] == "ROOM_NOT_FOUND"
        refused = sayna.ask("POST", "/recording", body, **mine)
        assert (refused.status, refused.json()["code"]) == (500, "RECORDING_FAILED")
        assert place.get("calls/call/owner.json") is None


def test_redis_without_egress_is_told_within_the_time_limit(server: StartServer, tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "recordings")
    with (
        redis(tmp_path) as redis_port,
        livekit(tmp_path, f"redis: {{address: '127.0.0.1:{redis_port}'}}") as port,
    ):
        sayna = server(
            **place.settings, LIVEKIT_URL=f"ws://127.0.0.1:{port}", LIVEKIT_API_KEY="devkey",
            LIVEKIT_API_SECRET=SECRET, LIVEKIT_TIMEOUT_SECONDS="2", **AUTH,
        ).address  # fmt: skip
        mine = {"Authorization": "Bearer secret-a"}
        body = {"room_name": "room", "participant_name": "p", "participant_identity": "p"}
        # On a busy machine LiveKit itself may not answer within the two seconds at first.
        until(lambda: sayna.ask("POST", "/livekit/token", body, **mine).status == 200, 60, "there is a room")
        recording = {"room_name": "room"}
        until(
            lambda: sayna.ask("POST", "/recording", recording, **mine).json()["code"] == "EGRESS_UNAVAILABLE",
            60,
            "it is refused",
        )
        assert sayna.ask("POST", "/recording", recording, **mine).status == 503


def test_every_byte_of_a_large_recording_arrives(s3: S3Place, server: StartServer) -> None:
    content = b"OggS" + hashlib.sha256(b"recording").digest() * 1_000_000
    s3.record("large", content)
    answer = server(**s3.settings).address.ask("GET", "/recording/large")
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(content).digest()


def _reader(front: Address) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(TIMEOUT)
    sock.connect(("127.0.0.1", front.port))
    sock.sendall(b"GET /recording/call HTTP/1.1\r\nHost: sayna.test\r\n\r\n")
    return sock


def _has_begun(reader: socket.socket) -> bool:
    """Return whether the answer to a reader, who has read nothing yet, begins with the right status."""
    look = select.poll()
    look.register(reader, select.POLLIN)
    return bool(look.poll(0)) and reader.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    """Run a real Redis that keeps nothing."""
    port = free_port()
    argv = [needs("redis-server", "apt-get install redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    program = Program([*argv, "--save", ""], cwd=folder, env={}, log=folder / "redis.log")
    with started(program, lambda: answers(Address(port))):
        yield port


@contextmanager
def livekit(folder: Path, more: str = "") -> Iterator[int]:
    """Run a real LiveKit server, without Redis unless `more` configures one."""
    how = "GOBIN=$PWD/.tools/bin go install github.com/livekit/livekit-server/cmd/server@v1.13.5"
    port, tcp, udp = free_port(), free_port(), free_port()
    config = folder / "livekit.yaml"
    config.write_text(
        f"port: {port}\nbind_addresses: ['127.0.0.1']\nkeys: {{devkey: '{SECRET}'}}\n"
        f"rtc: {{tcp_port: {tcp}, udp_port: {udp}, use_external_ip: false, node_ip: 127.0.0.1}}\n{more}\n"
    )
    argv = [needs("livekit-server", how), "--config", str(config)]
    program = Program(argv, cwd=folder, env={"HOME": str(folder)}, log=folder / "livekit.log")
    address = Address(port)
    with started(program, lambda: answers(address) and address.ask("GET", "/").status == 200):
        yield port
