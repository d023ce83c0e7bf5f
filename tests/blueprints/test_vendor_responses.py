"""Nothing but audio of a vendor is streamed, and nothing but audio is kept."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake
from tests.wire.server import Answer

JSON = b'{"error": {"code": 429, "message": "CANARY of the vendor"}}'
NO_AUDIO = {
    "page": answers.html(),
    "page called audio": answers.whole(b"<html><body>CANARY" + b" sorry" * 900, "audio/l16;rate=24000"),
    "json": answers.as_json({"error": "CANARY"}),
    "json called audio": answers.whole(JSON * 90, "audio/basic"),
    "json without a type": answers.chunked([JSON[:10], JSON[10:] * 90], ""),
    "sentence without a type": answers.whole(b"CANARY: no healthy upstream\n" * 90, "application/octet-stream"),
    "nothing": answers.whole(b"", "audio/basic"),
}


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def client(make_client: MakeClient, deepgram: DeepgramFake) -> FlaskClient:
    return make_client(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)


@pytest.mark.parametrize("answer", NO_AUDIO.values(), ids=NO_AUDIO)
@pytest.mark.parametrize("accept", ["audio/*", "application/json"])
@pytest.mark.parametrize("audio_format", ["linear16", "mulaw", "wav"])
def test_page_in_a_200_is_an_error_and_not_kept(
    client: FlaskClient, deepgram: DeepgramFake, answer: Answer, accept: str, audio_format: str
) -> None:
    body = {"text": "Hello there", "provider": "deepgram", "audio_format": audio_format}
    deepgram.then(answer)

    failed = client.post("/speak", json=body, headers={"Accept": accept})
    again = client.post("/speak", json=body, headers={"Accept": accept})

    assert (failed.status_code, failed.get_json()["code"]) == (500, "PROVIDER_ERROR")
    assert b"CANARY" not in failed.data
    assert (again.status_code, again.headers["x-cache"]) == (200, "MISS")


def test_refused_key_is_the_server_s_and_named(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.status(401))

    failed = client.post("/speak", json={"text": "Hello there", "provider": "deepgram"})

    assert (failed.status_code, failed.get_json()["code"]) == (500, "PROVIDER_REJECTED_CREDENTIALS")
    assert failed.get_json()["error"].startswith("the server's key for deepgram was refused")
