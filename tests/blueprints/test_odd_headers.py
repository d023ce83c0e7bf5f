"""Headers that no client should send: whatever they hold, none makes the server fail."""

from http import HTTPStatus
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.blueprints.clips import SECRETS, VOICE, path_of
from tests.blueprints.conftest import MakeClient
from tests.storage.places import LocalPlace

COMMON = (
    *("", " ", ",", ";", "=", "*", '"', '""', "\\", "%ff", "\xff", "-1", "http://[", "null"),
    "x" * 4000,
    "1" * 5000,
)
TAGS = ('W/""', "W/", '"a', 'a"', '*, ""', '"a", "b', '"a"-', '"' * 99)
DATES = (
    *("Sun, 99 Foo 2026 99:99:99 GMT", "Thu, 01 Jan 10000 00:00:00 GMT", "Thu, 01 Jan 0000 00:00:00 GMT", "0"),
    *("Mon, 02 Jan 2026 00:00:00 +9999", "Mon, 02 Jan 2026 00:00:00 " + "9" * 30, "Mon, " + "9" * 30 + " Jan 2026"),
)
WEIGHTS = (
    "*/*;q=",
    "*;q=nan",
    "*;q=1e999",
    "a/b;q=0;q=1",
    "/",
    "a/",
    "audio/wav;rate=x",
    "zz-ZZ-x-" + "a" * 300,
    "gzip;q=x",
)
CACHES = ("max-age=", "max-age=-1", "max-age=x", "no-cache=", 'no-cache="', "max-age=" + "9" * 40)
RANGES = (
    "bytes=",
    "bytes=-",
    "bytes=-0",
    "bytes=5-1",
    "bytes=1-2,",
    "bytes=0-0,2-2",
    "bytes=" + "9" * 40 + "-",
    "a=0-1",
)
TYPES = (
    "application/json;charset=nope",
    "application/json;charset",
    "multipart/form-data;boundary=",
    "text/plain;a*=x''%",
)
OTHERS = ("for=;", "http://a:b", "Bearer", "Basic =", "a=b; a", "00-0-0-0", "a, b")
VALUES = {
    **dict.fromkeys(("If-Match", "If-None-Match"), TAGS),
    **dict.fromkeys(("If-Modified-Since", "If-Unmodified-Since"), DATES),
    **dict.fromkeys(("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language"), WEIGHTS),
    **dict.fromkeys(("Cache-Control", "Pragma"), CACHES),
    **dict.fromkeys(("Content-Encoding", "Content-Type"), TYPES),
    **dict.fromkeys(("Authorization", "Cookie", "Forwarded", "Idempotency-Key", "Origin", "Referer"), OTHERS),
    **dict.fromkeys(("Sec-Fetch-Site", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID"), OTHERS),
    **dict.fromkeys(("Access-Control-Request-Headers", "Access-Control-Request-Method", "X-Api-Key"), OTHERS),
    **dict.fromkeys(("Traceparent", "X-Forwarded-Proto-Version", "Xi-Api-Key"), OTHERS),
    "If-Range": (*TAGS, *DATES),
    "Range": RANGES,
}


@pytest.fixture
def client(tmp_path: Path, make_client: MakeClient) -> FlaskClient:
    place = LocalPlace(tmp_path / "recordings")
    place.record("call", b"OggS")
    return make_client(
        CLIP_SECRETS_JSON=SECRETS,
        SAY_ENABLED="true",
        COMPAT_ENABLED="openai,jambonz,elevenlabs,marytts",
        **place.settings,
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", path_of({"t": "Hello.", **VOICE}), None),
        ("GET", "/say.mp3?text=Hello&voice=espeak/gmw/en-US", None),
        ("GET", "/recording/call", None),
        ("GET", "/recording", None),
        ("GET", "/voices", None),
        ("GET", "/v1/voices", None),
        ("GET", "/studio", None),
        ("GET", "/openapi.json", None),
        ("GET", "/metrics", None),
        ("OPTIONS", "/speak", None),
        ("POST", "/speak", {"text": "Hello.", "voice": "espeak/gmw/en-US"}),
        ("POST", "/v1/audio/speech", {"input": "Hello.", "voice": "alloy", "model": "tts-1"}),
        ("POST", "/v1/text-to-speech/espeak%2Fgmw%2Fen-US", {"text": "Hello."}),
        ("POST", "/marytts/process", None),
    ],
)
def test_no_header_makes_the_server_fail(client: FlaskClient, method: str, path: str, body: object) -> None:
    wrong = [
        (name, value[:40])
        for name, values in VALUES.items()
        for value in (*COMMON, *values)
        if client.open(path, method=method, json=body, headers={name: value}).status_code
        >= HTTPStatus.INTERNAL_SERVER_ERROR
    ]
    assert wrong == []
