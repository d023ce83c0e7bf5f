"""Numbers in a body: beyond any float they are a 400, without a fraction they are integers."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient

NUMBERS = {
    "400 digits": "9" * 400,
    "minus and 400 digits": "-" + "9" * 400,
    "5000 digits": "9" * 5000,
    "a million digits": "9" * 1_000_000,
    "an exponent": "1e400",
    "a long exponent": "1e" + "9" * 100_000,
    "a fraction behind 400 digits": "9" * 400 + ".5",
    "309 digits beyond any float": "2" + "0" * 308,
}
NUMBER_FIELDS = {
    "sample_rate": '{"text":"x","sample_rate":%s}',
    "speaking_rate": '{"text":"x","speaking_rate":%s}',
    "request_timeout": '{"text":"x","request_timeout":%s}',
    "connection_timeout": '{"text":"x","connection_timeout":%s}',
    "an integer setting": '{"text":"x","provider":"espeak","voice_settings":{"pitch":%s}}',
    "a number setting": '{"text":"x","provider":"azure","voice_settings":{"pitch":%s}}',
    "an unknown field": '{"text":"x","list":[[%s]]}',
    "a nested field": '{"text":"x","tts_config":{"speaking_rate":%s}}',
}


def post(client: FlaskClient, body: bytes) -> tuple[int, dict[str, Any]]:
    answer = client.post("/speak", data=body, content_type="application/json")
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize("field", NUMBER_FIELDS)
@pytest.mark.parametrize("number", NUMBERS)
def test_number_beyond_any_float_is_refused(make_client: MakeClient, number: str, field: str) -> None:
    client = make_client(MAX_BODY_BYTES="2000000")
    status, answer = post(client, (NUMBER_FIELDS[field] % NUMBERS[number]).encode())
    assert (status, answer["code"]) == (400, "INVALID_REQUEST")
    assert "number" in answer["error"]


@pytest.mark.parametrize("number", ["8000", "8000.0", "8e3", "80E+2", "8000.00"])
def test_number_without_a_fraction_is_an_integer(client: FlaskClient, number: str) -> None:
    status, answer = post(client, b'{"text":"x","audio_format":"wav","sample_rate":%s}' % number.encode())
    assert status == 200
    assert answer["metadata"]["sample_rate"] == 8000
    assert type(answer["metadata"]["sample_rate"]) is int


def test_setting_without_a_fraction_is_the_same_integer(client: FlaskClient) -> None:
    keys = set()
    for pitch in ("60", "60.0", "6e1"):
        body = f'{{"text":"x","provider":"espeak","voice_settings":{{"pitch":{pitch}}}}}'
        status, answer = post(client, body.encode())
        assert status == 200
        keys.add(answer["metadata"]["cache_key"])
    assert len(keys) == 1
    status, answer = post(client, b'{"text":"x","provider":"espeak","voice_settings":{"pitch":60.5}}')
    assert (status, "pitch" in answer["error"]) == (400, True)
