"""Speech, as it arrives through nginx and without it."""

import base64
import io
import struct
import uuid
import wave

import pytest

from tests.e2e.conftest import Site
from tests.e2e.program import until


def new_text() -> str:
    return f"Hello from Sayna, {uuid.uuid4().hex[:6]}"


@pytest.mark.parametrize("provider", ["espeak", "deepgram"])
def test_a_clip_is_made_once_and_then_the_same_bytes_on_every_way(common: Site, provider: str) -> None:
    text = new_text()
    made = common.public.speak(text, provider=provider)
    again = [address.speak(text, provider=provider) for address in (common.public, common.direct)]
    envelopes = [
        address.speak(text, "application/json", provider=provider).json() for address in (common.public, common.direct)
    ]

    assert [made.headers["x-cache"], *(answer.headers["x-cache"] for answer in again)] == [
        "MISS",
        "HIT",
        "HIT",
    ]
    assert {made.body, *(answer.body for answer in again)} == {made.body}
    assert all(base64.b64decode(envelope["audio"]) == made.body for envelope in envelopes)
    assert envelopes[0]["metadata"] == envelopes[1]["metadata"]


def test_the_embedded_engine_speaks_a_playable_wav(common: Site) -> None:
    answer = common.public.speak(new_text(), provider="espeak")

    with wave.open(io.BytesIO(answer.body)) as clip:
        samples = struct.unpack(f"<{clip.getnframes()}h", clip.readframes(clip.getnframes()))
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (24000, 1, 2)
    assert answer.headers["content-type"] == "audio/wav"
    assert 0.5 < len(samples) / 24000 < 10
    assert max(samples) > 3000


@pytest.mark.parametrize("form", ["audio/pcm", "application/json"])
def test_every_answer_has_one_request_id_in_both_logs(common: Site, form: str) -> None:
    answer = common.public.ask("POST", "/speak", {"text": new_text()}, Accept=form, X_Request_ID=f"id-{form[:5]}")

    identity = f'"request_id": "{answer.headers["x-request-id"]}"'
    until(lambda: identity in common.gunicorn.log, 30, "Sayna has logged it")
    until(lambda: identity.replace(" ", "") in common.nginx.access_log.read_text(), 30, "nginx has logged it")
