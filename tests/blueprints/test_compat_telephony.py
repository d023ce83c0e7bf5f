"""The dialects of jambonz and MaryTTS at the wire: reference/compat.md, sections 4 and 5."""

import contextlib
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from sayna.audio.spec import AudioSpec
from sayna.errors import InvalidRequest
from sayna.speech.markup.unwrapped import unwrapped_markup
from tests.audio.sounds import heard
from tests.blueprints.conftest import MakeClient
from tests.wire import answers
from tests.wire.server import FaultServer

JAMBONZ = "/jambonz/tts"
PROCESS = "/marytts/process"
MARY = {"INPUT_TEXT": "Guten Tag", "INPUT_TYPE": "TEXT", "OUTPUT_TYPE": "AUDIO", "AUDIO": "WAVE_FILE"}
TOKEN = "a-token-of-the-tests"
GUARD = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": TOKEN}


@pytest.fixture
def mary(make_client: MakeClient) -> FlaskClient:
    return make_client(COMPAT_ENABLED="marytts")


@pytest.mark.parametrize(
    ("query", "content_type", "spec"),
    [
        ("", "audio/mpeg", AudioSpec("mp3", 24000)),
        ("?audio_format=wav&sample_rate=8000", "audio/wav", AudioSpec("wav", 8000)),
        ("?audio_format=linear16&sample_rate=8000", "audio/l16;rate=8000", AudioSpec("linear16", 8000)),
        ("?audio_format=linear16&sample_rate=48000", "audio/l16;rate=48000", AudioSpec("linear16", 48000)),
        ("?provider=espeak", "audio/mpeg", AudioSpec("mp3", 24000)),
    ],
)
def test_jambonz_gets_the_format_of_its_url(
    client: FlaskClient, query: str, content_type: str, spec: AudioSpec
) -> None:
    body = {"text": "Welcome to Sayna", "type": "text", "language": "en-US", "voice": "espeak/gmw/en-US", "x": 1}
    answer = client.post(f"{JAMBONZ}{query}", json=body, headers={"Accept": "audio/mpeg"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    sound = heard(answer.data, spec)
    assert (sound.rate, sound.seconds > 0.5) == (spec.sample_rate, True)
    assert answer.headers["x-voice-id"] == "gmw/en-US"


@pytest.mark.parametrize("voice", ["undefined", "null", "", None])
def test_jambonz_without_a_voice_gets_the_default(client: FlaskClient, voice: str | None) -> None:
    answer = client.post(JAMBONZ, json={"text": "Hello", "voice": voice, "language": "de"})

    assert answer.headers["x-voice-id"].endswith("de")


@pytest.mark.parametrize(
    "body",
    [
        {"text": "<speak>Hello <b>you</b> &amp; me</speak>", "type": "ssml"},
        {"text": "  <speak version='1.0'>Hello <unknown/>you &#38; me</speak>", "type": "text"},
    ],
)
def test_document_of_jambonz_speaks_like_its_text(client: FlaskClient, body: dict[str, Any]) -> None:
    plain = client.post(JAMBONZ, json={"text": "Hello you & me"}, buffered=True)

    answer = client.post(JAMBONZ, json=body, buffered=True)
    assert (answer.headers["x-cache"], answer.headers["ETag"]) == ("HIT", plain.headers["ETag"])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (JAMBONZ, {"text": " "}, 400),
        (JAMBONZ, {"text": "<speak> </speak>"}, 400),
        (JAMBONZ, {"text": 5}, 400),
        (JAMBONZ, {"text": "<!DOCTYPE x><speak>x</speak>", "type": "ssml"}, 400),
        (f"{JAMBONZ}?audio_format=opus", {"text": "x"}, 400),
        (f"{JAMBONZ}?audio_format=linear16&sample_rate=44100", {"text": "x"}, 400),
        (f"{JAMBONZ}?sample_rate=x", {"text": "x"}, 400),
        (f"{JAMBONZ}?provider=nope", {"text": "x"}, 400),
        ("/jambonz/nowhere", {}, 404),
    ],
)
def test_refusal_of_jambonz_is_one_sentence(client: FlaskClient, path: str, body: dict[str, Any], status: int) -> None:
    answer = client.post(path, json=body)

    assert (answer.status_code, set(answer.get_json())) == (status, {"error"})
    assert len(answer.get_json()["error"]) > 10


def test_wrong_token_of_jambonz_is_refused(make_client: MakeClient) -> None:
    client = make_client(**GUARD)

    for headers, status in (
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": "Bearer x"}, 401),
        ({}, 401),
    ):
        assert client.post(JAMBONZ, json={"text": "x"}, headers=headers).status_code == status


def test_form_is_no_body_of_jambonz(client: FlaskClient) -> None:
    assert client.post(JAMBONZ, data={"text": "x"}).status_code == 415


@pytest.mark.parametrize("text", ["%ff", "caf%E9", "%C3"])
def test_marytts_refuses_text_that_is_not_utf8(mary: FlaskClient, text: str) -> None:
    sent = f"INPUT_TEXT={text}&LOCALE=en_US"
    form = mary.post(PROCESS, data=sent, content_type="application/x-www-form-urlencoded")

    for answer in (mary.get(f"{PROCESS}?{sent}"), form):
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        assert "UTF-8" in answer.text


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded", "text/plain"])
def test_marytts_takes_a_form_of_any_type(mary: FlaskClient, content_type: str) -> None:
    sent = urlencode({**MARY, "INPUT_TEXT": "Grüße aus Köln", "LOCALE": "de", "VOICE": "bits1-hsmm"})
    query = mary.get(f"{PROCESS}?{sent}")
    form = mary.post(f"{PROCESS}?INPUT_TEXT=other", data=sent, content_type=content_type)

    for answer in (query, form):
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/x-wav")
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        assert heard(answer.data, AudioSpec("wav", 16000)).rate == 16000
        assert answer.headers["x-voice-id"].endswith("de")
    assert query.headers["ETag"] == form.headers["ETag"]


@pytest.mark.parametrize(
    ("change", "content_type", "spec"),
    [
        ({}, "audio/x-wav", AudioSpec("wav", 16000)),
        ({"AUDIO": "WAVE"}, "audio/x-wav", AudioSpec("wav", 16000)),
        ({"AUDIO": "MP3_FILE"}, "audio/x-mpeg", AudioSpec("mp3", 16000)),
        (
            {"INPUT_TYPE": "SSML", "INPUT_TEXT": "<speak>Hallo</speak>"},
            "audio/x-wav",
            AudioSpec("wav", 16000),
        ),
        ({"VOICE": "espeak:gmw/de", "LOCALE": "de"}, "audio/x-wav", AudioSpec("wav", 16000)),
        ({"VOICE": "male", "LOCALE": "de"}, "audio/x-wav", AudioSpec("wav", 16000)),
        ({"STYLE": "x", "LOG": "y", "effect_Volume_selected": "on"}, "audio/x-wav", AudioSpec("wav", 16000)),
    ],
)
def test_marytts_speaks_its_parameters(
    mary: FlaskClient, change: dict[str, str], content_type: str, spec: AudioSpec
) -> None:
    answer = mary.get(PROCESS, query_string={**MARY, **change})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert heard(answer.data, spec).rate == 16000
    assert int(answer.headers["Content-Length"]) == len(answer.data)


# The second one as a client computes it (github.com/googlecreativelab/aiexperiments-giorgio-cam/issues/3).
@pytest.mark.parametrize("scale", ["2", "1.9999999999999998"])
def test_effect_of_marytts_scales_the_duration(mary: FlaskClient, scale: str) -> None:
    effect = {"effect_Rate_selected": "on", "effect_Rate_parameters": f"durScale:{scale};"}
    plain, slow = (mary.get(PROCESS, query_string={**MARY, **more}).data for more in ({}, effect))

    assert 1.4 < heard(slow, AudioSpec("wav", 16000)).seconds / heard(plain, AudioSpec("wav", 16000)).seconds < 2.6


@pytest.mark.parametrize(
    "change",
    [
        {"INPUT_TEXT": ""},
        {"INPUT_TYPE": "PHONEMES"},
        {"OUTPUT_TYPE": "ALLOPHONES"},
        {"AUDIO": "AIFF_FILE"},
        {"effect_Rate_selected": "on", "effect_Rate_parameters": "durScale:0;"},
        {"effect_Rate_selected": "on", "effect_Rate_parameters": "x"},
        {"effect_Rate_selected": "on", "effect_Rate_parameters": "durScale:0.00000000000000000000;"},
        {"INPUT_TEXT": "a\0b"},
        {"LOCALE": "!"},
    ],
)
def test_refusal_of_marytts_is_a_line_of_text(mary: FlaskClient, change: dict[str, str]) -> None:
    for answer in (mary.get(PROCESS, query_string={**MARY, **change}), mary.post(PROCESS, data={**MARY, **change})):
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        assert answer.text.count("\n") == 1
    assert mary.get("/marytts/nowhere").headers["Content-Type"] == "text/plain; charset=utf-8"
    assert mary.delete(PROCESS).status_code == 405


def test_discovery_of_marytts_is_lines(mary: FlaskClient) -> None:
    voices = mary.get("/marytts/voices").text.splitlines()

    assert all(len(line.split()) == 4 for line in voices)
    assert voices[0] == "cmu-slt-hsmm en_US female hmm"
    assert any(line.startswith("espeak:gmw/en-US en_US ") for line in voices)
    assert "en_US" in mary.get("/marytts/locales").text.splitlines()
    assert mary.get("/marytts/version").text.startswith("Mary TTS server 5.2 (Sayna ")
    assert mary.get("/marytts/audioformats").text.split() == ["WAVE_FILE", "MP3_FILE"]
    assert "AUDIO OUTPUT" in mary.get("/marytts/datatypes").text
    assert mary.get("/marytts/audioeffects").text == "Rate durScale:1.5;\n"


def test_marytts_is_off_by_default(client: FlaskClient) -> None:
    assert client.get(PROCESS, query_string=MARY).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://page.example"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_page_of_another_site_cannot_use_marytts(make_client: MakeClient, headers: dict[str, str], status: int) -> None:
    client = make_client(COMPAT_ENABLED="marytts", CORS_ORIGINS="https://page.example")

    assert client.get(PROCESS, query_string=MARY, headers=headers).status_code == status
    assert client.post(PROCESS, data=MARY, headers=headers).status_code == status


def test_open_marytts_spends_no_money_of_vendors(make_client: MakeClient) -> None:
    with FaultServer() as vendor:
        vendor.always(answers.status(500))
        settings = {
            "COMPAT_ENABLED": "marytts",
            "DEEPGRAM_BASE_URL": f"http://127.0.0.1:{vendor.port}",
            "DEEPGRAM_API_KEY": "good",
        }
        cloud = {**MARY, "VOICE": "deepgram:aura-2-thalia-en"}
        client = make_client(**settings)
        assert client.get(PROCESS, query_string=MARY).headers["x-provider"] == "espeak"
        assert client.get(PROCESS, query_string=cloud).status_code == 403
        assert vendor.hits == []
        for more in ({"OPEN_GET_VENDORS": "true"}, GUARD):
            client = make_client(**settings, **more)
            answer = client.get(PROCESS, query_string=cloud, headers={"Authorization": f"Bearer {TOKEN}"})
            assert answer.status_code == 500
        assert len(vendor.hits) >= 2


def test_marytts_needs_the_token(make_client: MakeClient) -> None:
    client = make_client(COMPAT_ENABLED="marytts", **GUARD)

    assert client.post(PROCESS, data=urlencode(MARY)).status_code == 401
    assert client.get("/marytts/voices").status_code == 401
    assert client.get(f"{PROCESS}?api_key={TOKEN}", query_string=None).status_code == 400
    assert client.post(f"{PROCESS}?api_key={TOKEN}", data=urlencode(MARY)).status_code == 200


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("plain", "plain"),
        ("<?xml version='1.0'?><!-- no --><speak>a<p>b</p><p>c</p></speak>", "a b c"),
        ("<speak>un<emphasis level='strong'>believ</emphasis>able</speak>", "unbelievable"),
        ('<speak><sub alias="a > b">c</sub> <mstts:express-as style="x">d</mstts:express-as></speak>', "c d"),
        ("<speak><![CDATA[1 < 2 & 3]]> &lt;tag&gt; &#x41;&#66;</speak>", "1 < 2 & 3 <tag> AB"),
        ("<speak>1 < 2 & &unknown; &#0; &#xD800;</speak>", "1 < 2 & &unknown; \ufffd \ufffd"),
        ("<speak>a<break time='1s'/>b</speak>", "a b"),
    ],
)
def test_markup_is_unwrapped(document: str, text: str) -> None:
    assert unwrapped_markup(document) == text


@pytest.mark.parametrize(
    "document", ["<!DOCTYPE a>", "<!doctype a [<!ENTITY b 'c'>]>", "<p", "<p a='", "<!-- x", "<![CDATA["]
)
def test_markup_that_does_not_end_is_refused(document: str) -> None:
    with pytest.raises(InvalidRequest):
        unwrapped_markup(document)


@pytest.mark.parametrize("part", ["<p>", "<p a='b'>", "<!---->", "< ", "&#65;", "<a\"'", "<p ", "&amp", "<![CDATA[]]>"])
def test_markup_takes_linear_time(part: str) -> None:
    begin = time.thread_time()
    with contextlib.suppress(InvalidRequest):
        unwrapped_markup(part * 100_000)
    assert time.thread_time() - begin < 3
