"""What callers see while LiveKit is away: a typed 500 within six seconds, no 404 and no token."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.livekit import Studio
from tests.e2e.program import until
from tests.e2e.servers import ROOT, answers
from tests.wire.twirp import HTML, FakeLiveKit

WHO = {"room_name": "lobby", "participant_identity": "ann"}
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/livekit/token", {**WHO, "participant_name": "Ann"}),
    ("GET", "/livekit/rooms", {}),
    ("GET", "/livekit/rooms/lobby", {}),
    ("DELETE", "/livekit/participant", WHO),
    ("POST", "/livekit/participant/mute", {**WHO, "track_sid": "TR_1", "muted": True}),
)

# Seconds that a request takes only if no deadline ends it: a busy machine needs a second to load livekit-api.
LONG = 20

# Loaded by every Python below it: the clock, but not the monotonic one, goes wrong by OFFSET seconds.
SKEW = """
import datetime, time
_time, _Datetime = time.time, datetime.datetime

class _Skewed(_Datetime):
    @classmethod
    def now(cls, tz=None):
        return _Datetime.now(tz) + datetime.timedelta(seconds={offset})

time.time = lambda: _time() + {offset}
datetime.datetime = _Skewed
"""


def assert_unavailable(studio: Studio) -> None:
    for method, path, body in REQUESTS:
        started = time.monotonic()
        answer = studio.ask(method, path, **body)
        assert time.monotonic() - started < LONG
        assert (answer.status, answer.json()["code"]) == (500, "LIVEKIT_UNAVAILABLE"), path
        assert answer.json().keys() == {"error", "code", "request_id"}


def test_livekit_that_hangs_and_then_goes_on(make_studio: Callable[..., Studio]) -> None:
    studio = make_studio(LIVEKIT_TIMEOUT_SECONDS="1")
    studio.livekit.signal(signal.SIGSTOP)
    try:
        assert_unavailable(studio)
    finally:
        studio.livekit.signal(signal.SIGCONT)
    until(lambda: studio.ask("GET", "/livekit/rooms").status == 200, 60, "LiveKit answers again")


def test_livekit_that_hangs_is_given_five_seconds(make_studio: Callable[..., Studio]) -> None:
    studio = make_studio()
    studio.livekit.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        method, path, body = REQUESTS[0]
        assert studio.ask(method, path, **body).status == 500
        assert 4 < time.monotonic() - started < LONG
    finally:
        studio.livekit.signal(signal.SIGCONT)


def test_livekit_that_is_down(make_studio: Callable[..., Studio]) -> None:
    studio = make_studio()
    studio.token("lobby")
    studio.livekit.stop()
    until(lambda: not answers(studio.livekit.address), 60, "LiveKit is down")
    assert_unavailable(studio)
    assert studio.sayna.address.ask("GET", "/ready").status == 200


@pytest.mark.parametrize(
    "wrong", [{"LIVEKIT_API_SECRET": "x" * 32}, {"LIVEKIT_API_KEY": "otherkey"}], ids=["secret", "key"]
)
def test_keys_that_livekit_does_not_know(make_studio: Callable[..., Studio], wrong: dict[str, str]) -> None:
    assert_unavailable(make_studio(**wrong))


@pytest.mark.parametrize("offset", [120, -7 * 3600])
def test_clock_that_livekit_does_not_believe(make_studio: Callable[..., Studio], tmp_path: Path, offset: int) -> None:
    (tmp_path / "skew").mkdir()
    (tmp_path / "skew" / "sitecustomize.py").write_text(SKEW.format(offset=offset))
    assert_unavailable(make_studio(PYTHONPATH=f"{tmp_path / 'skew'}:{ROOT}"))


def test_clock_two_minutes_late_does_no_harm(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    (tmp_path / "skew").mkdir()
    (tmp_path / "skew" / "sitecustomize.py").write_text(SKEW.format(offset=-120))
    assert make_studio(PYTHONPATH=f"{tmp_path / 'skew'}:{ROOT}").token("lobby")


def test_proxy_that_answers_in_livekit_s_place(server: StartServer) -> None:
    with FakeLiveKit() as fake:
        fake.script = lambda method, message: HTML
        sayna = server(**fake.settings)
        for method, path, body in REQUESTS[1:]:
            answer = sayna.address.ask(method, path, body or None)
            assert (answer.status, answer.json()["code"]) == (500, "LIVEKIT_UNAVAILABLE"), path
        sayna.stop()
