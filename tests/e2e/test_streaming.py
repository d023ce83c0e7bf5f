"""Speech that is still being made while its first part is heard."""

import http.client
import json
import os
import re
import signal
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.e2e.conftest import Site, StartServer
from tests.e2e.program import until
from tests.e2e.vendor import PIECE
from tests.e2e.wire import TIMEOUT, Address, read_until_quiet

PCM = {"Accept": "audio/pcm"}


def body(text: str) -> dict[str, str]:
    return {"text": text, "provider": "deepgram", "audio_format": "linear16"}


@pytest.mark.parametrize("way", ["direct", "public"])
def test_the_first_audio_is_heard_before_the_vendor_has_made_the_last(site: Site, way: str) -> None:
    site.vendor.go_on.clear()
    address: Address = getattr(site, way)

    with address.client() as client:
        response = client.begin("POST", "/speak", body("one"), **PCM)
        first = response.read(len(PIECE) // 2)
        assert response.headers["x-cache"] == "MISS"
        site.vendor.go_on.set()
        assert first + response.read() == site.vendor.whole


@pytest.mark.parametrize("way", ["direct", "public"])
def test_a_caller_who_hangs_up_frees_the_vendor(site: Site, way: str) -> None:
    site.vendor.pieces, site.vendor.pause = 1000, 0.02
    address: Address = getattr(site, way)

    with address.client() as client:
        client.begin("POST", "/speak", body("one"), **PCM).read(100)

    assert site.vendor.calls[0].hung_up.wait(20)


@pytest.mark.parametrize("way", ["direct", "public"])
def test_nobody_takes_a_short_clip_for_whole_when_the_leading_worker_is_killed(site: Site, way: str) -> None:
    site.vendor.go_on.clear()
    address: Address = getattr(site, way)

    with ExitStack() as stack:
        clients = [stack.enter_context(address.client()) for _ in range(16)]
        answers = [client.begin("POST", "/speak", body("the same"), **PCM) for client in clients]
        assert all(answer.read(100) == PIECE[:100] for answer in answers)
        os.kill(site.gunicorn.worker_of(site.vendor.calls[0].port), signal.SIGKILL)
        for answer in answers:
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                answer.read()

    site.vendor.go_on.set()
    assert address.ask("POST", "/speak", body("the same"), **PCM).body == site.vendor.whole


@pytest.mark.parametrize("way", ["direct", "public"])
def test_an_http10_caller_gets_a_length_or_an_error(site: Site, way: str) -> None:
    address: Address = getattr(site, way)
    whole, _ = exchange(address, b"HTTP/1.0", "whole")
    head, _, audio = whole.partition(b"\r\n\r\n")
    assert f"content-length: {len(site.vendor.whole)}\r\n".encode() in head.lower()
    assert audio == site.vendor.whole

    site.vendor.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        broken = pool.submit(exchange, address, b"HTTP/1.0", "broken")
        until(lambda: len(site.vendor.calls) == 2 and site.vendor.calls[1].begun.is_set(), 60, "it has begun")
        site.vendor.let_go()
        answer, _ = broken.result()
    assert re.match(rb"HTTP/1\.[01] 500 ", answer)
    assert b'"code":"PROVIDER_ERROR"' in answer


@pytest.mark.parametrize("way", ["direct", "public"])
def test_a_caller_that_has_finished_sending_is_answered(site: Site, way: str) -> None:
    site.vendor.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exchange, getattr(site, way), b"HTTP/1.1", "half-closed", half_close=True)
        until(lambda: site.vendor.calls and site.vendor.calls[0].begun.is_set(), 60, "it has begun")
        with pytest.raises(TimeoutError):
            answer.result(1)
        site.vendor.go_on.set()
        assert answer.result()[0].startswith(b"HTTP/1.1 200 ")
        assert b"RIFF" in answer.result()[0]


def test_a_caller_that_resets_frees_the_vendor_before_the_first_byte(site: Site, server: StartServer) -> None:
    alone = server(**site.vendor.settings)
    site.vendor.go_on.clear()
    sock = alone.address.connect()
    sock.sendall(request(b"HTTP/1.1", "reset", "wav"))
    until(lambda: site.vendor.calls and site.vendor.calls[0].begun.is_set(), 60, "it has begun")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()

    assert site.vendor.calls[0].hung_up.wait(20)


def test_broken_stream_is_logged_in_one_line_with_its_id(site: Site) -> None:
    site.vendor.go_on.clear()
    with site.direct.client() as client:
        answer = client.begin("POST", "/speak", body("broken"), **PCM)
        assert answer.read(100) == PIECE[:100]
        site.vendor.let_go()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()

    def events() -> list[dict[str, Any]]:
        return [line for line in site.gunicorn.records if line["event"] == "stream_broken"]

    until(events, 30, "the log has it")
    assert [event["request_id"] for event in events()] == [answer.headers["X-Request-ID"]]
    assert events()[0]["code"] == "PROVIDER_ERROR"
    assert "Traceback" not in site.gunicorn.log


def request(protocol: bytes, text: str, audio_format: str) -> bytes:
    fields = json.dumps({"text": text, "provider": "deepgram", "audio_format": audio_format}).encode()
    head = b"POST /speak %b\r\nHost: a\r\nAccept: audio/*\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head % protocol + b"Content-Length: %d\r\n\r\n%b" % (len(fields), fields)


def exchange(address: Address, protocol: bytes, text: str, *, half_close: bool = False) -> tuple[bytes, bool]:
    """Return what comes for one request, and whether the server closes after it."""
    with closing(address.connect()) as sock:
        sock.sendall(request(protocol, text, "wav" if half_close else "linear16"))
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        return read_until_quiet(sock, TIMEOUT)


def heard(address: Address, text: str) -> bytes:
    return address.ask("POST", "/speak", body(text), **PCM).body


@pytest.mark.parametrize("way", ["direct", "public"])
def test_many_who_ask_for_the_same_cost_one_call(site: Site, way: str) -> None:
    site.vendor.pause = 0.02
    address: Address = getattr(site, way)

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(heard, [address] * 24, ["the same"] * 24)) == {site.vendor.whole}
    assert len(site.vendor.calls) == 1
