"""Who may call what, what every answer carries, and what never reaches a log."""

import json
import logging
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sayna.blueprints.guard import PUBLIC
from sayna.config import ConfigError
from tests.blueprints.conftest import MakeClient

SECRET = "sk_canary_7f3a9c"
SECRETS = json.dumps([{"id": "tenant-a", "secret": SECRET}, {"id": "tenant-b", "secret": "sk_other"}])
BODY = {"text": "Who is there?", "audio_format": "linear16"}


@pytest.fixture
def guarded(make_client: MakeClient) -> FlaskClient:
    """Return a client of an application that wants to know its callers."""
    return make_client(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=SECRETS)


def ask(client: FlaskClient, path: str = "/speak", **headers: str) -> Any:
    return client.post(path, json=BODY, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_route_needs_a_token_unless_it_is_public(guarded: FlaskClient) -> None:
    app: Flask = guarded.application
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<", "").replace(">", "")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            status = guarded.open(path, method=method).status_code
            assert (status == 401) == (rule.endpoint not in PUBLIC), (method, rule.rule, status)


def test_health_and_readiness_need_no_token(guarded: FlaskClient) -> None:
    assert guarded.get("/").get_json() == {"status": "ok"}
    assert guarded.get("/ready").status_code == 200
    assert guarded.head("/").status_code == 200
    assert guarded.head("/").data == b""


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": f"bEaReR   {SECRET}"},
    ],
)
def test_valid_token_is_accepted(guarded: FlaskClient, headers: dict[str, str]) -> None:
    assert ask(guarded, **headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "authorization", "auth_code"),
    [
        ("/speak", None, "missing_auth_header"),
        ("/speak", "", "invalid_auth_header"),
        ("/speak?api_key=", None, "missing_auth_header"),
        ("/speak", f"Basic {SECRET}", "invalid_auth_header"),
        ("/speak", SECRET, "invalid_auth_header"),
        ("/speak", "Bearer", "invalid_auth_header"),
        ("/speak", f"Bearer {SECRET} extra", "invalid_auth_header"),
        ("/speak", f"Bearer {SECRET}, Bearer {SECRET}", "invalid_auth_header"),
        (f"/speak?api_key={SECRET}&api_key={SECRET}", None, "invalid_auth_header"),
        ("/speak", "Bearer wrong", "unauthorized"),
        ("/speak", "Bearer sk_canary", "unauthorized"),
        ("/speak", "Bearer \u00e9\u00ff", "unauthorized"),
        ("/speak", "Bearer " + "x" * 8000, "unauthorized"),
        (f"/speak?api_key={SECRET}", "Bearer wrong", "unauthorized"),
        ("/speak?api_key=%ff%00", None, "unauthorized"),
    ],
)
def test_invalid_token_is_refused_with_its_reason(
    guarded: FlaskClient, path: str, authorization: str | None, auth_code: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = ask(guarded, path, **headers)
    assert answer.status_code == 401
    assert answer.get_json()["error"] == auth_code
    assert answer.get_json()["code"] == auth_code.upper()
    assert len(answer.get_json()["message"]) > 10
    assert SECRET not in answer.get_data(as_text=True)


def test_query_key_is_accepted_unless_the_setting_is_off(make_client: MakeClient, guarded: FlaskClient) -> None:
    assert ask(guarded, f"/speak?api_key={SECRET}").status_code == 200
    assert ask(guarded, f"/speak?api_key={SECRET}", Authorization="Basic x").status_code == 200
    strict = make_client(AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=SECRETS, AUTH_ALLOW_QUERY_KEY="false")
    assert ask(strict, f"/speak?api_key={SECRET}").status_code == 401


@pytest.mark.parametrize(
    "path", ["//speak", "/%73peak", "/speak/", "/./speak", "/speak;x", "/speak%00", "/SPEAK", "/x/../speak"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "TRACE", "OPTIONS"])
def test_no_spelling_of_a_path_avoids_the_guard(guarded: FlaskClient, path: str, method: str) -> None:
    answer = guarded.open(
        "/speak",
        method=method,
        json=BODY,
        headers={"X-HTTP-Method-Override": "GET"},
        environ_overrides={"PATH_INFO": unquote_to_bytes(path).decode("latin-1")},
    )
    assert answer.status_code in (400, 401, 404, 405) or (method == "OPTIONS" and not answer.data)


def test_framework_errors_have_the_same_shape(client: FlaskClient) -> None:
    missing, method = client.get("/nowhere"), client.get("/speak")
    assert (missing.status_code, missing.get_json()["code"]) == (404, "NOT_FOUND")
    assert (method.status_code, method.get_json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in method.headers["Allow"]
    for answer in (missing, method):
        assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"]


def test_request_id_of_the_client_is_kept_when_it_is_valid(client: FlaskClient) -> None:
    assert client.get("/", headers={"X-Request-ID": "a.B_9-" * 10}).headers["X-Request-ID"] == "a.B_9-" * 10
    for bad in ("a b", "x" * 65, "é", "a;b", ""):
        made = client.get("/", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert made != bad
        assert len(made) == 32


def test_response_forbids_sniffing_and_sets_no_cookie(client: FlaskClient) -> None:
    for answer in (client.get("/"), client.get("/nowhere"), ask(client), client.post("/speak", data=b"x")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_log_line_has_no_secret_text_or_query(guarded: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sayna.request"):
        ask(guarded, f"/speak?api_key={SECRET}", X_Request_ID="the-one")
    lines = [record for record in caplog.records if record.name == "sayna.request"]
    assert len(lines) == 1
    fields = lines[0].fields  # type: ignore[attr-defined]
    assert fields["tenant"] == "tenant-a"
    assert (fields["route"], fields["status"], fields["request_id"]) == ("/speak", 200, "the-one")
    assert (fields["provider"], fields["cache"]) == ("espeak", "MISS")
    assert fields["duration_ms"] > 0
    assert SECRET not in str(fields)
    assert BODY["text"] not in str(fields)


def test_unexpected_error_is_json_without_a_traceback(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    app: Flask = client.application
    app.extensions["sayna.draining"] = lambda: 1 / 0
    answer = client.get("/ready", headers={"X-Request-ID": "boom"})
    assert (answer.status_code, answer.get_json()["code"]) == (500, "INTERNAL_ERROR")
    assert answer.get_json()["request_id"] == "boom"
    assert "ZeroDivisionError" not in answer.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text


def test_start_fails_when_auth_has_no_secret_and_no_service(make_client: MakeClient) -> None:
    with pytest.raises(ConfigError, match="AUTH_API_SECRET"):
        make_client(AUTH_REQUIRED="on")
    with pytest.raises(ConfigError, match="AUTH_REQUIRED"):
        make_client(AUTH_REQUIRED="enabled")


def test_debug_surfaces_do_not_exist(client: FlaskClient) -> None:
    assert client.get("/console").status_code == 404
    assert client.get("/?__debugger__=yes&cmd=resource&f=style.css").get_json() == {"status": "ok"}
