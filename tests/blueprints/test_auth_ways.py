"""How a client sends its token, and which providers a tenant may use."""

import json

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient

SECRET, OTHER = "0123456789abcdef", "fedcba9876543210"
ENTRIES = [
    {"id": "a", "secret": SECRET, "note": "all providers"},
    {"id": "b", "secret": OTHER, "providers": ["deepgram", "microsoft-azure"], "expires": "9999-12-31"},
]
SPEAK = {"text": "x", "audio_format": "linear16", "provider": "espeak"}


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=json.dumps(ENTRIES), DEEPGRAM_API_KEY="k")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": SECRET},
        {"x-api-key": SECRET, "Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": SECRET, "Authorization": "Bearer of-another-proxy"},
    ],
)
def test_x_api_key_authenticates(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/speak", json=SPEAK, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("X-API-Key", "wrong"), ("Authorization", f"Bearer {SECRET}")],
        [("X-API-Key", SECRET), ("X-API-Key", SECRET)],
        [("X-API-Key", f"{SECRET},{SECRET}")],
        [("X_API_Key", SECRET), ("xi-api-key", SECRET)],
    ],
)
def test_wrong_or_double_x_api_key_is_refused(client: FlaskClient, headers: list[tuple[str, str]]) -> None:
    # WSGI joins repeated headers with a comma, which Flask's client does not.
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    joined.pop("X_API_Key", None)
    answer = client.post("/speak", json=SPEAK, headers=joined)
    assert answer.status_code == 401
    assert SECRET not in answer.text


def test_missing_token_names_every_way_to_send_it(client: FlaskClient) -> None:
    answer = client.post("/speak", json=SPEAK).get_json()
    assert answer["code"] == "MISSING_AUTH_HEADER"
    for way in ("Authorization: Bearer", "X-API-Key:", "?api_key="):
        assert way in answer["message"]


@pytest.mark.parametrize("body", [SPEAK, {"text": "x", "tts_config": {"provider": "ESPEAK"}}])
def test_tenant_may_use_only_its_providers(client: FlaskClient, body: dict[str, object]) -> None:
    for _ in range(2):
        assert client.post("/speak", json=body, headers={"X-API-Key": SECRET}).status_code == 200
        answer = client.post("/speak", json=body, headers={"X-API-Key": OTHER})
        assert (answer.status_code, answer.get_json()["code"]) == (403, "PROVIDER_NOT_ALLOWED")
        assert "azure, deepgram" in answer.get_json()["error"]


def test_tenant_sees_only_voices_of_its_providers(make_client: MakeClient) -> None:
    entries = [{"id": "a", "secret": SECRET}, {"id": "b", "secret": OTHER, "providers": ["azure"]}]
    client = make_client(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=json.dumps(entries))
    assert set(client.get("/voices", headers={"X-API-Key": SECRET}).get_json()) == {"espeak", "voices"}
    answer = client.get("/voices", headers={"X-API-Key": OTHER})
    assert (answer.status_code, answer.get_json()) == (200, {"voices": []})
    answer = client.get("/voices?provider=espeak", headers={"X-API-Key": OTHER})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "PROVIDER_NOT_ALLOWED")
