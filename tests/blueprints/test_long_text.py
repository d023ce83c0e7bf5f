"""POST /speak with more text than the vendor takes at once."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.audio.spec import AudioSpec
from tests.audio.sounds import samples_of
from tests.blueprints.conftest import MakeClient
from tests.wire import Hit, answers
from tests.wire.deepgram import DeepgramFake
from tests.wire.server import Answer

TEXT = " ".join(f"This is sentence number {number}, and it is said once." for number in range(150))
LIMIT = 2000


class Deepgram(DeepgramFake):
    """Deepgram that refuses a text with the word FAIL."""

    def respond(self, hit: Hit) -> Answer:
        return answers.status(400) if b"FAIL" in hit.body else super().respond(hit)


@pytest.fixture
def deepgram() -> Iterator[Deepgram]:
    with Deepgram() as fake:
        yield fake


@pytest.fixture
def client(make_client: MakeClient, deepgram: Deepgram) -> FlaskClient:
    return make_client(MAX_TEXT_CHARS="100000", DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)


def speak(client: FlaskClient, text: str, audio_format: str = "linear16", **headers: str) -> Any:
    body = {"text": text, "provider": "deepgram", "audio_format": audio_format, "sample_rate": 24000}
    return client.post("/speak", json=body, headers={"Accept": "audio/*", **headers})


def said(deepgram: Deepgram) -> list[tuple[str, bytes]]:
    """Return the parts and their audio in the order of the text."""
    return sorted(zip(deepgram.texts, deepgram.sent, strict=True), key=lambda part: TEXT.index(part[0]))


def test_every_sentence_is_said_once_and_no_sample_is_lost_or_added(client: FlaskClient, deepgram: Deepgram) -> None:
    whole = speak(client, TEXT).data
    parts = said(deepgram)
    assert " ".join(text for text, _ in parts) == TEXT
    assert all(len(text) <= LIMIT and text.endswith("once.") for text, _ in parts)
    assert whole == b"".join(audio for _, audio in parts)
    assert len(parts) == -(-len(TEXT) // LIMIT)


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "flac", "mulaw", "opus"])
def test_coded_clip_is_one_clip_as_long_as_its_parts(
    client: FlaskClient, deepgram: Deepgram, audio_format: str
) -> None:
    text = TEXT[: LIMIT + 500]
    samples, rate = samples_of(speak(client, text, audio_format).data, AudioSpec(audio_format, 24000))
    seconds = sum(map(len, deepgram.sent)) / 2 / 24000
    assert len(deepgram.sent) == 2
    assert len(samples) / rate == pytest.approx(seconds, abs=0.25)  # an mp3 is padded by three frames
    assert all("encoding=linear16" in hit.query for hit in deepgram.hits)


def test_text_within_the_limit_is_one_call(client: FlaskClient, deepgram: Deepgram) -> None:
    assert speak(client, "x" * LIMIT, "mulaw").status_code == 200
    assert [hit.params["encoding"] for hit in deepgram.hits] == ["linear16"]


def test_part_that_fails_leaves_no_short_clip_behind(client: FlaskClient, deepgram: Deepgram) -> None:
    text = TEXT.replace("number 140", "number FAIL")
    answer = speak(client, text, "wav")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PROVIDER_REJECTED_REQUEST")
    assert speak(client, text, "wav", **{"Cache-Control": "only-if-cached"}).status_code == 504


def test_stream_breaks_where_a_part_fails(client: FlaskClient) -> None:
    with pytest.raises(Exception, match="deepgram refused"):
        _ = speak(client, TEXT.replace("number 140", "number FAIL")).data


def test_second_time_it_is_a_hit(client: FlaskClient, deepgram: Deepgram) -> None:
    first = speak(client, TEXT).data
    calls = len(deepgram.hits)
    again = speak(client, TEXT)
    assert again.headers["x-cache"] == "HIT"
    assert again.data == first
    assert len(deepgram.hits) == calls


def test_text_beyond_the_servers_limit_reaches_no_vendor(make_client: MakeClient, deepgram: Deepgram) -> None:
    client = make_client(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)
    answer = speak(client, TEXT)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "TEXT_TOO_LONG")
    assert deepgram.hits == []
