"""POST /prompts: known or new, the characters to pay, and mistakes by row."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient

COLUMNS = ["name", "text", "Speed"]


def post(client: FlaskClient, *rows: list[str], columns: list[str] = COLUMNS, **more: Any) -> Any:
    answer = client.post("/prompts", json={"columns": columns, "rows": list(rows), **more})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_list_is_known_after_its_requests_were_spoken(client: FlaskClient) -> None:
    rows = (["a", "One", ""], ["b", "Two", "9"], ["c", "Three", "0,9"])
    first = post(client, *rows, defaults={"audio_format": "mulaw"})

    assert (first["known"], first["missing"], first["characters"]) == (0, 2, 0)
    assert [(mistake["row"], mistake["error"]) for mistake in first["mistakes"]] == [
        (1, "speaking_rate must lie between 0.25 and 4.0")
    ]
    assert first["prompts"][1] == {
        "row": 2,
        "name": "c",
        "is_known": False,
        "is_local": True,
        "characters": 5,
        "request": {"text": "Three", "speaking_rate": 0.9, "audio_format": "mulaw"},
    }
    for prompt in first["prompts"]:
        assert client.post("/speak", json=prompt["request"]).status_code == 200
    again = post(client, *rows, defaults={"audio_format": "mulaw"})
    assert (again["known"], again["missing"]) == (2, 0)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"rows": []}, "columns"),
        ({"columns": ["name"], "rows": []}, "no column is called text"),
        ({"columns": ["text"], "rows": [[1]]}, "must be a string"),
        ({"columns": ["text"], "rows": [["a"]] * 2001}, "has more than 2000 rows"),
        ({"columns": ["text", "auth"], "rows": []}, "must not hold keys"),
        ({"columns": ["text"], "rows": [], "defaults": []}, "defaults must be an object"),
    ],
)
def test_list_of_the_wrong_form_is_refused(client: FlaskClient, body: dict[str, Any], told: str) -> None:
    answer = client.post("/prompts", json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")
    assert told in answer.get_json()["error"]


def test_keys_in_the_defaults_are_refused(client: FlaskClient) -> None:
    answer = client.post("/prompts", json={"columns": ["text"], "rows": [["a"]], "defaults": {"auth": {}}})

    assert answer.status_code == 400


def test_pronunciations_of_the_tenant_count(make_client: MakeClient, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("word,pronunciation\nOne,Number one\n")
    secrets = '[{"id": "a", "secret": "a-secret-of-tenant-a"}]'
    client = make_client(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=secrets, LEXICON_PATH=str(tmp_path))
    body = {"columns": ["text", "provider"], "rows": [["One", "espeak"]]}

    found = client.post("/prompts", json=body, headers={"Authorization": "Bearer a-secret-of-tenant-a"}).get_json()

    assert found["prompts"][0]["characters"] == len("Number one")


def test_tenant_sees_its_own_providers_only(make_client: MakeClient) -> None:
    secrets = '[{"id": "a", "secret": "a-secret-of-tenant-a", "providers": ["espeak"]}]'
    client = make_client(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=secrets, DEEPGRAM_API_KEY="good")
    body = {"columns": ["text", "provider"], "rows": [["One", "deepgram"], ["Two", "espeak"]]}

    assert client.post("/prompts", json=body).status_code == 401
    found = client.post("/prompts", json=body, headers={"Authorization": "Bearer a-secret-of-tenant-a"}).get_json()
    assert [mistake["row"] for mistake in found["mistakes"]] == [0]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("voice_settings", '{"pitch": NaN}'),
        ("voice_settings", '{"pitch": 1e999}'),
        ("voice_settings", '{"pitch": 50, "pitch": 60}'),
        ("voice_settings", "[" * 40 + "]" * 40),
        ("pronunciations", '[{"word": "a", "pronunciation": "b\\ud800c"}]'),
        ("pronunciations", '[{"word": "a", "pronunciation": "b\\u0000c"}]'),
    ],
)
def test_json_in_a_cell_is_as_strict_as_a_body(client: FlaskClient, column: str, cell: str) -> None:
    answer = post(client, ["Hello a", cell], columns=["text", column])

    assert answer["mistakes"] == [{"row": 0, "error": f"{column} must be JSON"}]


def test_number_that_is_none_in_a_cell_is_a_mistake(make_client: MakeClient) -> None:
    client = make_client(ELEVENLABS_API_KEY="a-key-of-the-tests")

    answer = post(client, ["a", '{"stability": NaN}'], columns=["text", "voice_settings"])

    assert answer["mistakes"][0]["error"] == "voice_settings must be JSON"
