"""Documents at every endpoint that takes them: exact silences, the same for every provider, counted as spoken."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from flask.testing import FlaskClient

from tests.blueprints.clips import SECRETS, minted, unpacked
from tests.blueprints.conftest import MakeClient
from tests.wire.deepgram import DeepgramFake

RATE = 8000
DOCUMENT = '<speak>One.<break time="1300ms"/>Two.<break time="70ms"/></speak>'
SILENCE_SECONDS = 1.37


def speak(client: FlaskClient, **body: Any) -> Any:
    asked = {"provider": "espeak", "audio_format": "wav", "sample_rate": RATE, **body}
    return client.post("/speak", json=asked, headers={"Accept": "audio/*"}, buffered=True)


def samples(audio: bytes) -> Any:
    return soundfile.read(io.BytesIO(audio), dtype="int16")[0]


def gap(document: bytes, *parts: bytes) -> float:
    """Return the seconds by which a document is longer than its parts."""
    whole, *rest = (len(samples(audio)) for audio in (document, *parts))
    return (whole - sum(rest)) / RATE


def test_silence_between_the_parts_is_exact(client: FlaskClient) -> None:
    one, two = (speak(client, text=text).data for text in ("One.", "Two."))
    said = speak(client, text=DOCUMENT, markup="ssml").data

    assert gap(said, one, two) == pytest.approx(SILENCE_SECONDS, abs=0.005)
    inside = samples(said)[len(samples(one)) + 40 :][: int(1.3 * RATE) - 80]
    assert np.abs(inside).max() <= 1
    assert np.abs(samples(said)[-500:]).max() <= 1
    assert np.abs(samples(said)).max() > 1000


def test_vendor_gets_the_parts_and_never_the_markup(make_client: MakeClient) -> None:
    with DeepgramFake() as deepgram:
        client = make_client(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)
        body = {"text": DOCUMENT, "markup": "ssml", "provider": "deepgram"}
        first, again = (client.post("/speak", json=body).get_json()["metadata"] for _ in range(2))

        assert deepgram.texts == ["One.", "Two."]
    assert (first["characters"], first["cached"], again["cached"]) == (8, False, True)
    assert first["duration_ms"] >= 1370


def test_documents_with_other_breaks_are_other_sounds(client: FlaskClient) -> None:
    long, short, rate = (
        speak(client, text=f"<speak>{inner}</speak>", markup="ssml").headers["ETag"].partition("-")[0]
        for inner in ('a<break time="2s"/>b', 'a<break time="1s"/>b', '<prosody rate="slow">ab</prosody>')
    )
    assert len({long, short, rate}) == 3


def test_rates_multiply_and_are_then_clamped(client: FlaskClient) -> None:
    document = '<speak><prosody rate="200%">Hello</prosody></speak>'
    for rate, used in ((None, 2.0), (0.5, 1.0), (4.0, 4.0)):
        body = {"text": document, "markup": "ssml", "speaking_rate": rate, "provider": "espeak"}
        assert client.post("/speak", json=body).get_json()["metadata"]["speaking_rate"] == used


def test_nested_form_has_markup_in_tts_config(client: FlaskClient) -> None:
    config = {"markup": "ssml", "provider": "espeak", "audio_format": "wav", "sample_rate": RATE}
    nested = client.post("/speak", json={"text": DOCUMENT, "tts_config": config})

    assert nested.data == speak(client, text=DOCUMENT, markup="ssml").data
    beside = client.post("/speak", json={"text": DOCUMENT, "markup": "ssml", "tts_config": {}})
    assert (beside.status_code, "inside tts_config" in beside.get_json()["error"]) == (400, True)


@pytest.mark.parametrize("markup", [None, "none"])
def test_text_without_markup_is_spoken_as_it_stands(client: FlaskClient, markup: str | None) -> None:
    body = {"text": "a < b <break/>", "markup": markup, "provider": "espeak"}

    assert client.post("/speak", json=body).get_json()["metadata"]["characters"] == 14


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "<speak><audio src='x'/>a</speak>"}, "UNSUPPORTED_MARKUP"),
        ({"text": "Hello"}, "UNSUPPORTED_MARKUP"),
        ({"text": "<!DOCTYPE a><speak>a</speak>"}, "UNSUPPORTED_MARKUP"),
        ({"text": "<speak> </speak>"}, "EMPTY_TEXT"),
        ({"text": ""}, "EMPTY_TEXT"),
        ({"text": " \n"}, "EMPTY_TEXT"),
        ({"text": "..."}, "EMPTY_TEXT"),
        ({"text": f"<speak>{' ' * 5000}a</speak>"}, "TEXT_TOO_LONG"),
        ({"markup": "html"}, "INVALID_REQUEST"),
        ({"markup": "unwrapped"}, "INVALID_REQUEST"),
        ({"markup": True}, "INVALID_REQUEST"),
    ],
)
def test_refused_documents_have_their_code(client: FlaskClient, change: dict[str, Any], code: str) -> None:
    refused = speak(client, **{"text": DOCUMENT, "markup": "ssml", **change})

    assert (refused.status_code, refused.get_json()["code"]) == (400, code)


def test_clip_keeps_its_document(make_client: MakeClient) -> None:
    client = make_client(CLIP_SECRETS_JSON=SECRETS)
    document = '<speak><prosody rate="80%">One.<break time="1s"/>Two.</prosody></speak>'
    found = minted(client, {"text": document, "markup": "ssml", "speaking_rate": 1.5})

    assert {key: unpacked(found["path"]).get(key) for key in "tks"} == {"t": document, "k": "ssml", "s": 1.5}
    played = client.get(found["path"])
    assert played.data == speak(client, text=document, markup="ssml", speaking_rate=1.5).data


@pytest.mark.parametrize("kind", ["SSML", "RAWMARYXML"])
def test_marytts_pauses_and_unwraps_what_it_does_not_know(make_client: MakeClient, kind: str) -> None:
    client = make_client(COMPAT_ENABLED="marytts")
    document = '<speak><voice name="x">One.</voice><break time="1s"/><mark name="y"/>Two.</speak>'
    mary = client.get(
        "/marytts/process",
        query_string={"INPUT_TEXT": document, "INPUT_TYPE": kind, "LOCALE": "en_US", "VOICE": "espeak:gmw/en-US"},
    )
    one, two = (speak(client, text=text, sample_rate=16000).data for text in ("One.", "Two."))

    assert (mary.status_code, mary.headers["x-provider"]) == (200, "espeak")
    assert gap(mary.data, one, two) * RATE / 16000 == pytest.approx(1, abs=0.005)


def test_jambonz_pauses_and_unwraps_what_it_does_not_know(client: FlaskClient) -> None:
    document = '<speak>One.<break time="1s"/><audio src="x"/>Two.</speak>'
    body = {"text": document, "type": "ssml", "language": "en-US", "voice": "espeak/gmw/en-US"}
    spoken = client.post(f"/jambonz/tts?audio_format=wav&sample_rate={RATE}", json=body).data
    one, two = (speak(client, text=text).data for text in ("One.", "Two."))

    assert gap(spoken, one, two) == pytest.approx(1, abs=0.005)


def test_documents_of_the_page_are_spoken(client: FlaskClient) -> None:
    page = Path(__file__).parents[2].joinpath("docs/markup.md").read_text("utf-8")
    documents = re.findall(r"```xml\n(.*?)```", page, re.DOTALL)

    assert [speak(client, text=each, markup="ssml").status_code for each in documents] == [200, 200]
