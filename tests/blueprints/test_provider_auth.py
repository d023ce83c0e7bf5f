"""A request's own credentials: an error says which field is wrong, and what to send."""

import pytest
from flask.testing import FlaskClient

REGION = {"region": "eastus"}
KEYS = {"access_key_id": "a", "secret_access_key": "b"}
ROWS = [
    ("deepgram", {"api_key": ""}, 'has no api_key; send {"api_key": "..."}'),
    ("elevenlabs", {"api_key": None}, "has no api_key; send"),
    ("cartesia", {"api_key": 7}, "auth.api_key must be a string"),
    ("openai", {"api_key": "a b"}, "auth.api_key must be a string of 1-512 printable ASCII characters without spaces"),
    ("deepgram", {"apiKey": "k"}, "has apiKey; send only api_key"),
    ("azure", {"api_key": "k"}, 'has no region; send {"api_key": "...", "region": "..."}'),
    ("azure", {"region": "eastus"}, "has no api_key; send"),
    ("azure", {"api_key": "", "region": ""}, "has no api_key and no region; send"),
    ("microsoft-azure", {"api_key": "k", "region": "East US"}, "auth.region must be"),
    ("azure", {"api_key": "k", "region": ["eastus"]}, "auth.region must be a string"),
    ("polly", {"access_key_id": "a"}, "has no secret_access_key; send"),
    ("polly", {**KEYS, "region": ""}, "has no region; send"),
    ("polly", {**KEYS, "region": "mars"}, "auth.region must be an AWS region"),
    ("google", {"credentials": {}}, "must be the JSON object of a Google service account"),
    ("google", {"credentials": "/etc/passwd"}, "a path is not taken"),
    ("google", {"api_key": "k"}, "has api_key; send only credentials"),
    ("espeak", {"api_key": "k"}, "espeak takes no auth; send in provider whose credentials (api_key) these are"),
    (None, {"api_key": "k"}, "espeak takes no auth; send in provider"),
]


@pytest.mark.parametrize(("provider", "auth", "sentence"), ROWS)
def test_error_names_the_field_and_what_to_send(
    client: FlaskClient, provider: str | None, auth: dict[str, object], sentence: str
) -> None:
    answer = client.post("/speak", json={"text": "x", "provider": provider, "auth": auth})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_PROVIDER_AUTH")
    assert sentence in answer.get_json()["error"]
