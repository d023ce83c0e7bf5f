from typing import Any

import pytest

from sayna import http
from tests.wire import FaultServer, answers
from tests.wire.fakes import CLOUD, fake_of

KEYS = {"Authorization": "Token good", "xi-api-key": "good", "Content-Type": "application/json"}


def ask(server: FaultServer, method: str = "POST", path: str = "/", **call: Any) -> http.StreamedResponse:
    return http.send(
        method,
        server.url + path,
        headers=KEYS,
        deadline=http.Deadline.after(5),
        connect_seconds=5,
        max_bytes=10**6,
        **call,
    )


@pytest.mark.parametrize("slug", CLOUD)
def test_what_a_vendor_would_not_understand_fails_the_test(slug: str) -> None:
    fake = fake_of(slug)()

    with pytest.raises(AssertionError, match=r"Error: .* in Hit\("), fake:
        reply = ask(fake, path="/v1/elsewhere", data=b"{}")
        reply.read()
    assert reply.status == 400


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("model=aura-2-thalia-en&encoding=linear16&container=none&sample_rate=22050", b'{"text": "x"}'),
        ("model=aura-2-thalia-en&encoding=mp3&sample_rate=22050", b'{"text": "x"}'),
        ("model=aura-2-thalia-en&encoding=mp3&callback=x", b'{"text": "x"}'),
        ("model=aura-2-thalia-en&encoding=mp3&encoding=mp3", b'{"text": "x"}'),
        ("model=aura-2-thalia-en&encoding=mp3&speed=2", b'{"text": "x"}'),
        ("model=aura-2-thalia-en&encoding=mp3", b'{"text": ""}'),
        ("model=aura-2-thalia-en&encoding=mp3", b'{"text": "x", "voice": "y"}'),
        ("model=aura-2-thalia-en&encoding=mp3", b"no json"),
    ],
)
def test_the_deepgram_fake_is_strict(query: str, body: bytes) -> None:
    fake = fake_of("deepgram")()

    with pytest.raises(AssertionError), fake:
        assert ask(fake, path=f"/v1/speak?{query}", data=body).read()


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("output_format=pcm_11025", b'{"text": "x", "model_id": "y"}'),
        ("output_format=wav", b'{"text": "x", "model_id": "y"}'),
        ("output_format=pcm_24000", b'{"text": " ", "model_id": "y"}'),
        ("output_format=pcm_24000", b'{"text": "x"}'),
        ("output_format=pcm_24000", b'{"text": "x", "model_id": "y", "language_code": "en"}'),
        ("output_format=pcm_24000", b'{"text": "x", "model_id": "y", "voice_settings": {"speed": 1.3}}'),
        ("output_format=pcm_24000", b'{"text": "x", "model_id": "y", "voice_settings": {"seed": 1}}'),
        ("output_format=pcm_24000&x=y", b'{"text": "x", "model_id": "y"}'),
    ],
)
def test_the_elevenlabs_fake_is_strict(query: str, body: bytes) -> None:
    fake = fake_of("elevenlabs")()

    with pytest.raises(AssertionError), fake:
        ask(fake, path=f"/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream?{query}", data=body).read()


def test_scripted_answers_come_in_order_then_the_usual_one() -> None:
    with FaultServer() as server:
        server.then(answers.status(503), answers.delayed(0.01, answers.status(404))).always(answers.whole(b"yes"))

        statuses = []
        for _ in range(4):
            reply = ask(server, data=b"")
            statuses.append(reply.status)
            reply.read()

        assert statuses == [503, 404, 200, 200]
        assert len(server.hits) == 4
