"""POST /speak: both forms, every format, the answer's headers, the cache's manners."""

import base64
import io
import json
from typing import Any

import numpy
import pytest
import soundfile
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient

FORMATS = ("linear16", "wav", "mp3", "opus", "flac", "mulaw", "alaw", "wav-mulaw", "wav-alaw")
RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
TYPES = {
    "linear16": "audio/pcm",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "mulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
    "wav-mulaw": "audio/wav",
    "wav-alaw": "audio/wav",
}
RAW = {"linear16": "PCM_16", "mulaw": "ULAW", "alaw": "ALAW"}


def decoded(audio: bytes, audio_format: str, rate: int) -> tuple[Any, int]:
    """Return samples and rate as a player would find them."""
    if audio_format not in RAW:
        return soundfile.read(io.BytesIO(audio))  # type: ignore[no-any-return]
    raw = {"format": "RAW", "subtype": RAW[audio_format], "samplerate": rate, "channels": 1}
    return soundfile.read(io.BytesIO(audio), **raw)  # type: ignore[no-any-return]


def speak(client: FlaskClient, body: dict[str, Any], **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/speak", json=body, headers=named, buffered=True)


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize("rate", RATES)
def test_embedded_engine_speaks_every_format_at_every_rate(client: FlaskClient, audio_format: str, rate: int) -> None:
    body = {"text": "Hello there.", "provider": "espeak", "audio_format": audio_format, "sample_rate": rate}
    answer = speak(client, body, Accept="audio/*")
    assert answer.status_code == 200
    told = int(answer.headers["x-sample-rate"])
    assert told == (rate if audio_format != "opus" else {22050: 24000, 32000: 48000, 44100: 48000}.get(rate, rate))
    samples, found = decoded(answer.data, audio_format, told)
    assert (found, samples.ndim) == (told, 1)
    assert 0.5 < len(samples) / found < 2.0
    assert numpy.abs(samples).max() > 0.05
    assert answer.headers["x-audio-format"] == audio_format
    rate_shown = f";rate={told}" if audio_format in ("mulaw", "alaw") and told != 8000 else ""
    expected = TYPES[audio_format] + rate_shown
    assert answer.headers["Content-Type"].replace(" ", "") == expected


def test_flat_form_answers_with_an_envelope_of_wav(client: FlaskClient) -> None:
    answer = speak(client, {"text": "Welcome to Sayna"})
    assert answer.content_type == "application/json"
    metadata = answer.get_json()["metadata"]
    audio = base64.b64decode(answer.get_json()["audio"], validate=True)
    samples, rate = decoded(audio, "wav", 0)
    assert metadata == {
        "provider": "espeak",
        "voice_id": "gmw/en-US",
        "model": "",
        "language": "en-US",
        "audio_format": "wav",
        "content_type": "audio/wav",
        "sample_rate": 24000,
        "channels": 1,
        "duration_ms": metadata["duration_ms"],
        "size_bytes": len(audio),
        "characters": 16,
        "speaking_rate": 1.0,
        "cached": False,
        "cache_key": answer.headers["ETag"].strip('"').partition("-")[0],
    }
    assert abs(metadata["duration_ms"] - 1000 * len(samples) / rate) <= 1


def test_nested_form_answers_with_bytes_of_linear16(client: FlaskClient) -> None:
    answer = speak(client, {"text": "Welcome", "tts_config": {"provider": "espeak", "model": "", "voice_id": ""}})
    assert answer.content_type == "audio/pcm"
    assert answer.headers["x-audio-format"] == "linear16"
    assert len(answer.data) % 2 == 0
    assert len(answer.data) > 20000


def test_fields_beside_tts_config_are_refused(client: FlaskClient) -> None:
    answer = speak(client, {"text": "x", "voice_id": "a", "model": None, "tts_config": {}})
    assert answer.status_code == 400
    assert "voice_id" in answer.get_json()["error"]
    assert "model" not in answer.get_json()["error"]


@pytest.mark.parametrize("text", [None, "", "   ", "\u2003\u00a0\t\n"])
def test_blank_text_is_named_empty(client: FlaskClient, text: str | None) -> None:
    answer = speak(client, {"text": text})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "EMPTY_TEXT")


def test_text_is_bounded_in_characters(make_client: MakeClient) -> None:
    client = make_client(MAX_TEXT_CHARS="10")
    assert speak(client, {"text": "é" * 10}).status_code == 200
    answer = speak(client, {"text": "é" * 11})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "TEXT_TOO_LONG")


def test_second_request_is_a_hit_with_the_same_bytes(client: FlaskClient) -> None:
    first = speak(client, {"text": "Paid for once", "audio_format": "linear16"}, Accept="audio/pcm")
    second = speak(client, {"text": "Paid for once", "audio_format": "pcm"}, Accept="audio/pcm")
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]
    assert "Age" in second.headers
    assert "Age" not in first.headers
    assert second.headers["Cache-Control"].startswith("private, max-age=")
    assert int(second.headers["Content-Length"]) == len(second.data)


def test_envelope_and_bytes_share_the_cache(client: FlaskClient) -> None:
    audio = speak(client, {"text": "Shared"}, Accept="audio/wav").data
    envelope = speak(client, {"text": "Shared"}).get_json()
    assert envelope["metadata"]["cached"] is True
    assert base64.b64decode(envelope["audio"]) == audio


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"provider": "nobody"}, "UNKNOWN_PROVIDER"),
        ({"provider": "a" * 5000}, "UNKNOWN_PROVIDER"),
        ({"audio_format": "aac"}, "UNSUPPORTED_FORMAT"),
        ({"audio_format": "wav\r\nX-Inj: 1"}, "UNSUPPORTED_FORMAT"),
        ({"sample_rate": 11025}, "UNSUPPORTED_FORMAT"),
        ({"sample_rate": 0}, "UNSUPPORTED_FORMAT"),
        ({"sample_rate": 2**40}, "UNSUPPORTED_FORMAT"),
        ({"voice_id": "../../etc/passwd"}, "INVALID_REQUEST"),
        ({"voice_id": "x?output_format=y"}, "INVALID_REQUEST"),
        ({"voice_id": "a\r\nX-Inj: 1"}, "INVALID_REQUEST"),
        ({"voice_id": "no/such-voice"}, "PROVIDER_REJECTED_REQUEST"),
        ({"model": "x&callback=http://evil"}, "INVALID_REQUEST"),
        ({"language": "en\r\nX-Inj: 1"}, "INVALID_REQUEST"),
        ({"language": "tlh"}, "PROVIDER_REJECTED_REQUEST"),
        ({"voice_settings": {"stability": 1}}, "INVALID_REQUEST"),
        ({"voice_settings": {"pitch": 100}}, "INVALID_REQUEST"),
        ({"voice_settings": {"pitch": "50"}}, "INVALID_REQUEST"),
        ({"auth": {"api_key": "x"}}, "INVALID_PROVIDER_AUTH"),
        ({"provider": "deepgram", "auth": {"api_key": "a\r\nb"}}, "INVALID_PROVIDER_AUTH"),
        ({"provider": "deepgram", "auth": {"api_key": "clé"}}, "INVALID_PROVIDER_AUTH"),
        ({"provider": "deepgram", "auth": {"api_key": ""}}, "INVALID_PROVIDER_AUTH"),
        (
            {"provider": "deepgram", "auth": {"api_key": "k", "base_url": "http://evil"}},
            "INVALID_PROVIDER_AUTH",
        ),
    ],
)
def test_bad_values_are_refused_and_reach_no_header(client: FlaskClient, change: dict[str, Any], code: str) -> None:
    answer = speak(client, {"text": "x", **change})
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert "X-Inj" not in answer.headers
    assert len(answer.data) < 4096


def test_vendor_without_credentials_is_said_to_be_so(client: FlaskClient) -> None:
    answer = speak(client, {"text": "x", "provider": "ElevenLabs"})
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_NOT_CONFIGURED")


def test_empty_auth_means_the_servers_credentials(client: FlaskClient) -> None:
    assert speak(client, {"text": "x", "auth": {}}).status_code == 200


def test_server_without_any_vendor_says_so(make_client: MakeClient) -> None:
    answer = speak(make_client(ESPEAK_ENABLED="false"), {"text": "x"})
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_NOT_CONFIGURED")


def test_pronunciations_replace_whole_words_in_one_pass(client: FlaskClient) -> None:
    rules = [{"word": "AI", "pronunciation": "A I"}, {"word": "A", "pronunciation": "B" * 3}]
    spelled = speak(client, {"text": "AI PAID ai", "pronunciations": rules}).get_json()["metadata"]
    plain = speak(client, {"text": "A I PAID ai"}).get_json()["metadata"]
    assert spelled["cache_key"] == plain["cache_key"]
    assert plain["cached"] is True


@pytest.mark.parametrize(
    "rules",
    [
        [{"word": "", "pronunciation": "x"}],
        [{"word": "a" * 65, "pronunciation": "x"}],
        [{"word": "a", "pronunciation": "x" * 100}],
        [{"word": f"w{number}", "pronunciation": "x"} for number in range(101)],
        [{"word": "a", "pronunciation": 1}],
    ],
)
def test_pronunciation_bombs_are_refused(client: FlaskClient, rules: list[dict[str, Any]]) -> None:
    answer = speak(client, {"text": "a " * 500, "pronunciations": rules})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("text", "length", "code"),
    [
        ("a", 2001, "NOT_CACHED"),
        ("a", 2002, "INVALID_REQUEST"),
        ("a" + " b" * 500, 3004, "NOT_CACHED"),
        ("a" + " b" * 500, 3005, "INVALID_REQUEST"),
    ],
)
def test_only_the_result_limits_a_pronunciation(client: FlaskClient, text: str, length: int, code: str) -> None:
    body = {"text": text, "pronunciations": [{"word": "a", "pronunciation": "x" * length}]}
    # A request that is valid goes as far as the cache, and is not synthesized.
    answer = client.post("/speak", json=body, headers={"Cache-Control": "only-if-cached"})
    assert answer.get_json()["code"] == code


def test_pronunciations_that_leave_nothing_are_an_empty_text(client: FlaskClient) -> None:
    answer = speak(client, {"text": "word", "pronunciations": [{"word": "word", "pronunciation": ""}]})
    assert answer.get_json()["code"] == "EMPTY_TEXT"


def test_speaking_rate_that_was_used_is_told(client: FlaskClient) -> None:
    metadata = speak(client, {"text": "Slow", "speaking_rate": 0.25}).get_json()["metadata"]
    assert metadata["speaking_rate"] == 0.46


def test_language_alone_picks_a_voice(client: FlaskClient) -> None:
    metadata = speak(client, {"text": "Guten Tag", "language": "de-DE"}).get_json()["metadata"]
    assert metadata["voice_id"] == "gmw/de"


def test_whole_answer_for_http_1_0(client: FlaskClient) -> None:
    body = json.dumps({"text": "Old client", "audio_format": "linear16"})
    answer = client.post(
        "/speak",
        data=body,
        content_type="application/json",
        headers={"Accept": "audio/pcm"},
        environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"},
    )
    assert int(answer.headers["Content-Length"]) == len(answer.data) > 10000


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("pcm", "linear16"), ("s16le", "linear16"), ("pcm_s16le", "linear16"), ("sln", "linear16")),
        *(
            ("ogg", "opus"),
            ("ulaw", "mulaw"),
            ("g711_ulaw", "mulaw"),
            ("g711_alaw", "alaw"),
            ("WAV-MULAW", "wav-mulaw"),
        ),
    ],
)
def test_synonym_of_a_format_is_the_same_clip(client: FlaskClient, name: str, meant: str) -> None:
    named = [speak(client, {"text": "x", "audio_format": each}).get_json()["metadata"] for each in (meant, name)]
    assert [metadata["audio_format"] for metadata in named] == [meant, meant]
    assert named[0]["cache_key"] == named[1]["cache_key"]
    assert named[1]["cached"]
