"""Strict intake: every malformed body is a 4xx that says what to send."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient

MALFORMED = {
    "empty": b"",
    "not JSON": b"text=hello",
    "an array": b'[{"text":"x"}]',
    "a string": b'"text"',
    "null": b"null",
    "NaN": b'{"text":"x","speaking_rate":NaN}',
    "Infinity": b'{"text":"x","speaking_rate":-Infinity}',
    "a number beyond any float": b'{"text":"x","speaking_rate":1e400}',
    "a duplicate key": b'{"text":"a","text":"b"}',
    "a nested duplicate key": b'{"text":"a","auth":{"api_key":"a","api_key":"b"}}',
    "trailing garbage": b'{"text":"x"} x',
    "two byte order marks": b'\xef\xbb\xbf\xef\xbb\xbf{"text":"x"}',
    "a byte order mark alone": b"\xef\xbb\xbf",
    "UTF-16": '{"text":"x"}'.encode("utf-16"),
    "invalid UTF-8": b'{"text":"\xff"}',
    "an escaped lone surrogate": b'{"text":"\\ud800"}',
    "an escaped NUL": b'{"text":"a\\u0000b"}',
    "a surrogate in a key": b'{"\\udfff":1,"text":"x"}',
    "a surrogate deep inside": b'{"text":"x","voice_settings":{"a":["\\udc00"]}}',
    "a raw control character": b'{"text":"a\nb"}',
    "depth 33": b'{"a":' * 33 + b"1" + b"}" * 33,
    "depth 100000": b"[" * 100_000,
    "balanced depth 100000": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a 5000-digit integer": b'{"text":"x","sample_rate":' + b"9" * 5000 + b"}",
}

# Bodies of a wrong shape, and the sentence about them.
SHAPES = [
    ("/prompts", {"columns": ["text"]}, "rows is required"),
    ("/prompts", {"columns": "text", "rows": [[None]]}, "columns must be a list; rows.0.0 must not be null"),
    ("/speak", {"text": "x", "pronunciations": [{"word": "x"}]}, "pronunciations.0.pronunciation is required"),
    ("/speak", {"text": "x", "pronunciations": {}}, "pronunciations must be a list"),
    ("/speak", {"tts_config": 3}, "tts_config must be an object"),
    ("/sip/hooks", {"hooks": [3]}, "hooks.0 must be an object"),
    ("/livekit/token", {"participant_attributes": []}, "participant_attributes must be an object"),
]


def post(client: FlaskClient, body: bytes, **options: Any) -> tuple[int, dict[str, Any]]:
    options.setdefault("content_type", "application/json")
    answer = client.post("/speak", data=body, **options)
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_body_is_refused_with_a_sentence(client: FlaskClient, name: str) -> None:
    status, answer = post(client, MALFORMED[name])
    assert status == 400
    assert answer["code"] in ("INVALID_REQUEST", "UNSUPPORTED_FORMAT")
    assert len(answer["error"]) > 10
    assert "Traceback" not in answer["error"]


def test_depth_of_32_is_still_taken(client: FlaskClient) -> None:
    body = b'{"text":"deep","audio_format":"linear16","x":' + b"[" * 31 + b"]" * 31 + b"}"
    status, _ = post(client, body)
    assert status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "text/plain, application/json",
        "application/json, text/plain",
        "text/x+json",
        "application/+json",
        "json",
    ],
)
def test_other_content_type_is_refused_with_what_to_send(client: FlaskClient, content_type: str) -> None:
    status, answer = post(client, b'{"text":"x"}', content_type=content_type)
    assert (status, answer["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Type: application/json" in answer["error"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "text/json",
        "application/x-json",
        "application/vnd.api+json",
        "application/problem+json; charset=UTF-8",
    ],
)
def test_json_types_are_taken(client: FlaskClient, content_type: str) -> None:
    status, _ = post(client, b'{"text":"hello"}', content_type=content_type)
    assert status == 200


@pytest.mark.parametrize("content_type", [None, "", "  "])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 415),
        ({"Sec-Fetch-Site": "cross-site"}, 415),
        ({"Origin": "https://example.com"}, 415),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 415),
    ],
)
def test_untyped_body_is_taken_only_when_no_web_page_sent_it(
    client: FlaskClient, content_type: str | None, headers: dict[str, str], status: int
) -> None:
    assert post(client, b'{"text":"x"}', content_type=content_type, headers=headers)[0] == status


def test_byte_order_mark_is_skipped(client: FlaskClient) -> None:
    status, _ = post(client, b'\xef\xbb\xbf{"text":"x"}')
    assert status == 200


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b'{"text": "x"', 1, 13),
        (b'{\n  "text": "x",\n  voice: 1\n}', 3, 3),
        ('{"text": "é" "x"}'.encode(), 1, 14),
        (b'\xef\xbb\xbf{"text" "x"}', 1, 9),
    ],
)
def test_malformed_json_is_refused_with_line_and_column(
    client: FlaskClient, body: bytes, line: int, column: int
) -> None:
    status, answer = post(client, body)
    assert status == 400
    assert f"line {line}, column {column}" in answer["error"]


def test_compressed_body_is_refused(client: FlaskClient) -> None:
    status, answer = post(client, b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert (status, answer["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("coding", ["", " ", "identity", "Identity"])
def test_body_without_a_coding_may_say_so(client: FlaskClient, coding: str) -> None:
    answer = client.post("/speak", json={"text": "hi"}, headers={"Content-Encoding": coding})
    assert answer.status_code == 200


def test_large_body_is_refused_by_its_declared_length(make_client: MakeClient) -> None:
    client = make_client(MAX_BODY_BYTES="1024")
    status, answer = post(client, json.dumps({"text": "x" * 2000}).encode())
    assert (status, answer["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_large_body_is_refused_when_it_declares_no_length(make_client: MakeClient) -> None:
    client = make_client(MAX_BODY_BYTES="1024")
    answer = client.post(
        "/speak",
        input_stream=io.BytesIO(b'{"text":"x"}' + b" " * 4000),
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        content_type="application/json",
    )
    assert (answer.status_code, answer.get_json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate", "24000"),
        ("sample_rate", True),
        ("sample_rate", 24000.5),
        ("speaking_rate", "1"),
        ("speaking_rate", True),
        ("speaking_rate", 0),
        ("speaking_rate", 4.01),
        ("voice_id", 7),
        ("voice_settings", []),
        ("pronunciations", {}),
        ("pronunciations", [{"word": "x"}]),
        ("request_timeout", 0),
        ("request_timeout", "5"),
        ("connection_timeout", -1),
        ("text", ["x"]),
        ("tts_config", "x"),
        ("auth", "key"),
    ],
)
def test_types_are_strict(client: FlaskClient, field: str, value: object) -> None:
    status, answer = post(client, json.dumps({"text": "x", field: value}).encode())
    assert status == 400
    assert field in answer["error"]


def test_null_means_absent_and_unknown_fields_are_ignored(client: FlaskClient) -> None:
    body = {"text": "x", "voice_id": None, "auth": None, "tts_config": None, "brand_new": {"a": 1}}
    status, answer = post(client, json.dumps(body).encode())
    assert status == 200
    assert answer["metadata"]["provider"] == "espeak"


def test_error_has_at_most_4_kb(client: FlaskClient) -> None:
    for body in (
        {"text": "x", "voice_settings": {"\U0001f600" * 9000: 1}},
        {"text": "x", "auth": {"\U0001f600" * 9000: 1}},
        {"text": "x", "pronunciations": [{"\u00e9": 1}] * 100},
        {"text": "x", "provider": "\u00e9" * 9000},
        {"text": "x", "tts_config": {f"{number}\u00e9": 1 for number in range(900)}, "provider": "x"},
        {"text": ["x"], "voice_id": 1, "tts_config": None},
    ):
        answer = client.post("/speak", json=body)
        assert answer.status_code == 400
        assert len(answer.data) <= 4096


@pytest.mark.parametrize(("path", "body", "sentence"), SHAPES)
def test_body_of_a_wrong_shape_gets_a_plain_sentence(
    open_client: FlaskClient, path: str, body: dict[str, Any], sentence: str
) -> None:
    answer = open_client.post(path, json=body)

    assert (answer.status_code, answer.get_json()["error"]) == (400, sentence)
