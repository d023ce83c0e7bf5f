"""POST /speak: the Accept header chooses envelope or bytes, and the format of a request that names none."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.blueprints.accept import FORMATS_OF_TYPES, accepted

# Accept, answer to a flat request, answer to a nested request.
# An answer is its form and the format of its audio.
TABLE = [
    # Neither form is named: the form of the request decides.
    (None, "envelope wav", "bytes linear16"),
    ("", "envelope wav", "bytes linear16"),
    ("*/*", "envelope wav", "bytes linear16"),
    ("text/html", "envelope wav", "bytes linear16"),
    ("application/*", "envelope wav", "bytes linear16"),
    ("application/jsonp", "envelope wav", "bytes linear16"),
    ("garbage", "envelope wav", "bytes linear16"),
    ("application/json;q=x", "envelope wav", "bytes linear16"),
    ("text/html, application/xhtml+xml, */*;q=0.8", "envelope wav", "bytes linear16"),
    # One form is named.
    ("application/json", "envelope wav", "envelope linear16"),
    ("APPLICATION/JSON;q=0.9, */*", "envelope wav", "envelope linear16"),
    ("application/json; charset=utf-8", "envelope wav", "envelope linear16"),
    ("application/json, text/plain, */*", "envelope wav", "envelope linear16"),
    ("audio/*", "bytes wav", "bytes linear16"),
    ("application/octet-stream", "bytes wav", "bytes linear16"),
    ("text/html, audio/*;q=0.5", "bytes wav", "bytes linear16"),
    # Without audio_format, the audio type with the greatest weight names the format.
    ("audio/mpeg", "bytes mp3", "bytes mp3"),
    ("Audio/OGG; codecs=opus", "bytes opus", "bytes opus"),
    ("audio/basic", "bytes mulaw", "bytes mulaw"),
    ("audio/flac;q=0.2, audio/mpeg;q=0.8", "bytes mp3", "bytes mp3"),
    ("audio/flac, audio/mpeg", "bytes flac", "bytes flac"),
    ("audio/*, audio/mpeg", "bytes mp3", "bytes mp3"),
    ("audio/*, audio/mpeg;q=0.5", "bytes wav", "bytes linear16"),
    ("*/*, audio/mpeg;q=0.5", "bytes mp3", "bytes mp3"),
    ("application/octet-stream, audio/mpeg;q=0.5", "bytes mp3", "bytes mp3"),
    # Both forms are named: the weights decide, and a tie is an envelope.
    ("application/json, audio/mpeg", "envelope mp3", "envelope mp3"),
    ("audio/mpeg, application/json;q=0.1", "bytes mp3", "bytes mp3"),
    ("audio/mpeg;q=0.1, application/json", "envelope mp3", "envelope mp3"),
    ("audio/*;q=0.5, application/json", "envelope wav", "envelope linear16"),
    ("application/octet-stream, application/json", "envelope wav", "envelope linear16"),
    # A type that is not made is skipped.
    ("audio/aac, audio/mpeg;q=0.5", "bytes mp3", "bytes mp3"),
    ("audio/aac, application/json;q=0.1", "envelope wav", "envelope linear16"),
    ("audio/aac", "bytes wav", "bytes linear16"),
    # q=0 excludes.
    ("application/json;q=0", "bytes wav", "bytes linear16"),
    ("application/json;q=0, audio/*", "bytes wav", "bytes linear16"),
    ("application/json;q=0, */*", "bytes wav", "bytes linear16"),
    ("audio/*;q=0", "envelope wav", "envelope linear16"),
    ("audio/*;q=0, audio/mpeg", "bytes mp3", "bytes mp3"),
    ("audio/mpeg;q=0, audio/*", "bytes wav", "bytes linear16"),
    ("audio/wav;q=0, audio/pcm;q=0, audio/*", "bytes mp3", "bytes mp3"),
    ("audio/aac;q=0", "envelope wav", "bytes linear16"),
    ("*/*;q=0", "envelope wav", "bytes linear16"),
]


def ask(client: FlaskClient, accept: str | None, **fields: Any) -> str:
    """Return form and format of the answer to "Hi"."""
    headers = {} if accept is None else {"Accept": accept}
    answer = client.post("/speak", json={"text": "Hi", **fields}, headers=headers, buffered=True)
    assert answer.status_code == 200, answer.data
    if answer.content_type != "application/json":
        assert answer.content_type.startswith("audio/")
        return f"bytes {answer.headers['x-audio-format']}"
    metadata = answer.get_json()["metadata"]
    assert metadata["audio_format"] == answer.headers["x-audio-format"]
    return f"envelope {metadata['audio_format']}"


def test_accept_chooses_form_and_format(client: FlaskClient) -> None:
    found = [(accept, ask(client, accept), ask(client, accept, tts_config={})) for accept, *_ in TABLE]
    assert found == TABLE


@pytest.mark.parametrize("name", FORMATS_OF_TYPES)
def test_every_known_audio_type_picks_its_format(client: FlaskClient, name: str) -> None:
    assert ask(client, name) == f"bytes {FORMATS_OF_TYPES[name]}"


@pytest.mark.parametrize("accept", ["audio/mpeg", "audio/mpeg, application/json", "audio/flac;q=0, audio/mpeg"])
def test_audio_format_beats_the_type_in_accept(client: FlaskClient, accept: str) -> None:
    form = "envelope" if "json" in accept else "bytes"
    assert ask(client, accept, audio_format="flac") == f"{form} flac"
    assert ask(client, accept, tts_config={"audio_format": "flac"}) == f"{form} flac"
    assert ask(client, accept, audio_format="") == f"{form} mp3"


def test_one_body_is_planned_for_each_accepted_format(client: FlaskClient) -> None:
    order = ["audio/mpeg", "audio/wav", "application/json", "audio/mpeg", "audio/wav", "application/json"]
    assert [ask(client, accept) for accept in order] == ["bytes mp3", "bytes wav", "envelope wav"] * 2


def test_repeated_accept_headers_count_as_one(client: FlaskClient) -> None:
    headers = [("Accept", "application/json;q=0.1"), ("Accept", "audio/mpeg")]
    answer = client.post("/speak", json={"text": "Hi"}, headers=headers, buffered=True)
    assert (answer.status_code, answer.content_type) == (200, "audio/mpeg")


@pytest.mark.parametrize("accept", ['"', ";;;", ",", "audio/", "/", "q=0", "audio/mpeg;q=" + "9" * 400, 'a/b;c="' * 90])
def test_malformed_accept_means_no_preference(client: FlaskClient, accept: str) -> None:
    assert ask(client, accept) in ("envelope wav", "bytes wav")


def test_long_accept_is_read_once() -> None:
    header = ",".join(f"audio/x{number};q=0.5" for number in range(400))
    assert accepted(header) is accepted(header)


def test_headers_and_metadata_agree(client: FlaskClient) -> None:
    answer = client.post("/speak", json={"text": "Hi"})
    metadata = answer.get_json()["metadata"]
    for name in ("provider", "voice_id", "audio_format", "sample_rate", "channels"):
        assert answer.headers[f"x-{name.replace('_', '-')}"] == str(metadata[name])
