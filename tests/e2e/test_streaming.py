"""Speech that is still being made while its first part is heard."""

import http.client
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import Site
from tests.e2e.vendor import PIECE
from tests.e2e.wire import Address

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

    assert site.vendor.calls[0].hung_up.wait(5)


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


def heard(address: Address, text: str) -> bytes:
    return address.ask("POST", "/speak", body(text), **PCM).body


@pytest.mark.parametrize("way", ["direct", "public"])
def test_many_who_ask_for_the_same_cost_one_call(site: Site, way: str) -> None:
    site.vendor.pause = 0.02
    address: Address = getattr(site, way)

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(heard, [address] * 24, ["the same"] * 24)) == {site.vendor.whole}
    assert len(site.vendor.calls) == 1
