"""CORS_ORIGINS: which pages of other origins may call what."""

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient

ORIGIN = "https://app.example.com"
PATHS = ("/speak", "/v1/audio/speech", "/v1/text-to-speech/en", "/jambonz/tts", "/livekit/token")
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, x-stainless-os, bad name",
}


@pytest.fixture
def guarded(make_client: MakeClient) -> FlaskClient:
    settings = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": "a-secret-of-the-tests"}
    return make_client(CORS_ORIGINS=f"{ORIGIN}, http://localhost:5173", **settings)


@pytest.mark.parametrize("path", PATHS)
def test_preflight_of_an_allowed_origin_needs_no_token(guarded: FlaskClient, path: str) -> None:
    answer = guarded.options(path, headers=PREFLIGHT)

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type, x-stainless-os"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/livekit/rooms", "/recording", "/sip/hooks"])
def test_other_endpoints_have_no_preflight(guarded: FlaskClient, path: str) -> None:
    answer = guarded.options(path, headers=PREFLIGHT)

    assert answer.status_code == 401
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", ORIGIN.upper()])
def test_other_origins_are_not_allowed(guarded: FlaskClient, origin: str) -> None:
    asked = guarded.options("/speak", headers={**PREFLIGHT, "Origin": origin})
    sent = guarded.post("/speak", json={"text": "x"}, headers={"Origin": origin})

    assert asked.status_code == sent.status_code == 401
    for answer in (asked, sent):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


def test_page_reads_audio_errors_and_headers(guarded: FlaskClient) -> None:
    token = {"Origin": ORIGIN, "Authorization": "Bearer a-secret-of-the-tests"}
    for headers, status in ((token, 200), ({"Origin": ORIGIN}, 401)):
        answer = guarded.post("/speak", json={"text": "x"}, headers=headers)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, ORIGIN)
        assert {"x-provider", "x-cache", "X-Request-ID"} <= set(
            answer.headers["Access-Control-Expose-Headers"].split(", ")
        )


def test_cors_is_off_by_default(client: FlaskClient) -> None:
    answers = (client.options("/speak", headers=PREFLIGHT), client.get("/voices", headers={"Origin": ORIGIN}))

    for answer in answers:
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control") or name == "Vary"]


def test_page_may_read_every_documented_x_header(guarded: FlaskClient) -> None:
    token = {"Origin": ORIGIN, "Authorization": "Bearer a-secret-of-the-tests"}
    exposed = guarded.get("/voices", headers=token).headers["Access-Control-Expose-Headers"].lower().split(", ")
    paths = guarded.get("/openapi.json").get_json()["paths"]
    told = {
        name.lower()
        for path in ("/speak", "/voices", "/clips", "/livekit/token", "/v1/audio/speech", "/jambonz/tts")
        for operation in paths[path].values()
        for response in operation["responses"].values()
        for name in response.get("headers", {})
    }

    # nginx reads this one and takes it away.
    assert {name for name in told if name.startswith("x-")} - {"x-accel-buffering"} <= set(exposed)
