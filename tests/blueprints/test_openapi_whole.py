"""GET /openapi.json has every code, header and parameter of requests and responses."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna import errors
from sayna.errors import SaynaError
from sayna.recordings.library import CONDITIONAL
from tests.blueprints.conftest import MakeClient
from tests.blueprints.test_openapi import all_subclasses, operations
from tests.storage.places import LocalPlace

SAYNA = Path(errors.__file__).parent
# What OpenAPI tells in other ways: content negotiation, the body's framing, security schemes.
TOLD_ELSEWHERE = {"Accept", "Authorization", "Content-Encoding", "Transfer-Encoding"}
TOLD_ELSEWHERE |= {"Origin", "Sec-Fetch-Site", "Access-Control-Request-Headers"}  # browsers send these
# What HTTP itself, or the document's first words, say of every answer.
EVERYWHERE = {"date", "content-type", "content-length", "x-content-type-options"}
AUTH = "MISSING_AUTH_HEADER INVALID_AUTH_HEADER UNAUTHORIZED AUTH_SERVICE_ERROR AUTH_SERVICE_UNAVAILABLE"
BODY = "INVALID_REQUEST PAYLOAD_TOO_LARGE UNSUPPORTED_MEDIA_TYPE"
LIVEKIT = "LIVEKIT_NOT_CONFIGURED LIVEKIT_UNAVAILABLE"
STORAGE = "RECORDING_STORAGE_NOT_CONFIGURED RECORDING_STORAGE_UNAVAILABLE"
HOOKS = "HOOK_IMMUTABLE HOOKS_NOT_STORED STORE_UNAVAILABLE"
# The codes that the contract, section by section, names for an endpoint.
CONTRACT = {
    ("GET", "/voices"): f"{AUTH} INVALID_REQUEST UNKNOWN_PROVIDER PROVIDER_NOT_CONFIGURED PROVIDER_ERROR",
    (
        "POST",
        "/speak",
    ): f"{AUTH} {BODY} EMPTY_TEXT TEXT_TOO_LONG UNKNOWN_PROVIDER UNSUPPORTED_FORMAT "
    "UNSUPPORTED_MARKUP "
    "INVALID_PROVIDER_AUTH PROVIDER_REJECTED_REQUEST PROVIDER_REJECTED_CREDENTIALS PROVIDER_NOT_CONFIGURED "
    "PROVIDER_ERROR PROVIDER_TIMEOUT PROVIDER_RATE_LIMITED OVERLOADED NOT_CACHED",
    ("POST", "/clips"): f"{AUTH} {BODY} EMPTY_TEXT TEXT_TOO_LONG UNKNOWN_PROVIDER UNSUPPORTED_FORMAT CLIP_TOO_LONG "
    "UNSUPPORTED_MARKUP "
    "PROVIDER_REJECTED_REQUEST PROVIDER_NOT_CONFIGURED PROVIDER_ERROR PROVIDER_TIMEOUT PROVIDER_RATE_LIMITED "
    "OVERLOADED CLIPS_NOT_CONFIGURED",
    ("POST", "/livekit/token"): f"{AUTH} {BODY} {LIVEKIT} ROOM_ACCESS_DENIED",
    ("GET", "/livekit/rooms"): f"{AUTH} {LIVEKIT}",
    ("GET", "/livekit/rooms/{room_name}"): f"{AUTH} {LIVEKIT} INVALID_REQUEST ROOM_NOT_FOUND",
    ("DELETE", "/livekit/participant"): f"{AUTH} {BODY} {LIVEKIT} PARTICIPANT_NOT_FOUND REMOVAL_FAILED",
    ("POST", "/livekit/participant/mute"): f"{AUTH} {BODY} {LIVEKIT} PARTICIPANT_NOT_FOUND MUTE_FAILED",
    ("POST", "/livekit/webhook"): f"{BODY} {LIVEKIT} INVALID_SIGNATURE OVERLOADED STORE_UNAVAILABLE",
    ("GET", "/recording"): f"{AUTH} {STORAGE} INVALID_REQUEST",
    ("POST", "/recording"): f"{AUTH} {BODY} {STORAGE} {LIVEKIT} INVALID_STREAM_ID ROOM_NOT_FOUND",
    ("GET", "/recording/{stream_id}"): f"{AUTH} {STORAGE} INVALID_STREAM_ID RECORDING_NOT_FOUND "
    "RANGE_NOT_SATISFIABLE PRECONDITION_FAILED",
    ("DELETE", "/recording/{stream_id}"): f"{AUTH} {STORAGE} {LIVEKIT} INVALID_STREAM_ID RECORDING_NOT_FOUND",
    ("POST", "/sip/call"): f"{AUTH} {BODY} INVALID_PHONE_NUMBER INVALID_SIP_ADDRESS ROOM_ACCESS_DENIED "
    "OUTBOUND_ADDRESS_NOT_CONFIGURED LIVEKIT_NOT_CONFIGURED CALL_FAILED DESTINATION_NOT_ALLOWED "
    "TOO_MANY_CALLS IDEMPOTENCY_KEY_REUSED OVERLOADED STORE_UNAVAILABLE",
    ("POST", "/sip/transfer"): f"{AUTH} {BODY} INVALID_PHONE_NUMBER PARTICIPANT_NOT_FOUND TRANSFER_FAILED "
    "LIVEKIT_NOT_CONFIGURED DESTINATION_NOT_ALLOWED",
    ("GET", "/sip/hooks"): AUTH,
    ("POST", "/sip/hooks"): f"{AUTH} {BODY} {HOOKS} HOOK_ACCESS_DENIED HOOK_TAKEN OVERLOADED",
    ("DELETE", "/sip/hooks"): f"{AUTH} {BODY} {HOOKS}",
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    return document


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference stands for, or the value itself."""
    found: Any = document
    if "$ref" not in value:
        return value
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def examples(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    return {
        code: example["value"]
        for response in operation["responses"].values()
        for kind in resolved(document, response).get("content", {}).values()
        for code, example in kind.get("examples", {}).items()
    }


@pytest.mark.parametrize(("method", "path"), CONTRACT)
def test_every_contract_code_has_an_example_at_its_endpoint(document: dict[str, Any], method: str, path: str) -> None:
    shown = examples(document, operations(document)[method, path])

    assert set(CONTRACT[method, path].split()) <= set(shown)
    assert all(body["code"] == code for code, body in shown.items())


def test_pages_are_last_and_absent_when_disabled(make_client: MakeClient) -> None:
    document = make_client(STUDIO_ENABLED="false", HELP_ENABLED="false").get("/openapi.json").get_json()

    assert document["tags"][-1]["name"] == "Pages"
    assert list(document["paths"])[-2:] == ["/openapi.json", "/docs"]


def test_every_header_that_is_read_is_documented(document: dict[str, Any]) -> None:
    read = {"X-Request-ID", *CONDITIONAL}
    for path in (SAYNA / "blueprints").glob("*.py"):
        read |= set(re.findall(r'request\.headers\.get(?:list)?\("([A-Za-z-]+)"', path.read_text("utf-8")))
    every = [
        [resolved(document, each) for each in operation["parameters"]] for operation in operations(document).values()
    ]
    told = {each["name"] for parameters in every for each in parameters if each["in"] == "header"}

    assert read - TOLD_ELSEWHERE <= told
    assert all("X-Request-ID" in [each["name"] for each in parameters] for parameters in every)


def answers_of(client: FlaskClient) -> Iterator[tuple[str, str, Any]]:
    """Yield one answer of each kind that an endpoint gives without other servers."""
    speech = {"text": "Hello"}
    for headers in ({}, {}, {"Accept": "audio/*"}, {"Cache-Control": "no-store"}):
        yield "POST", "/speak", client.post("/speak", json=speech, headers=headers)
    yield "POST", "/speak", client.post("/speak", json={"text": ""})
    yield "GET", "/ready", client.get("/ready")
    yield "POST", "/clips", (minted := client.post("/clips", json=speech))
    clip = minted.get_json()["path"]
    for headers in (
        {},
        {"Range": "bytes=0-1"},
        {"Range": "bytes=99999-"},
        {"If-None-Match": "*"},
        {"If-Match": '"x"'},
    ):
        yield "GET", "/clip/{payload}/{signature}.{ext}", client.get(clip, headers=headers)
        yield "GET", "/say.{ext}", client.get("/say.wav?text=Hello", headers=headers)
    yield "GET", "/clip/{payload}/{signature}.{ext}", client.get(clip.replace("wav", "mp3"))
    for query, headers in (("text=", {}), ("text=x", {"Sec-Fetch-Site": "cross-site"})):
        yield "GET", "/say.{ext}", client.get(f"/say.wav?{query}", headers=headers)
    one = "/recording/{stream_id}"
    for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=99-"}, {"If-Match": '"x"'}):
        yield "GET", one, client.get("/recording/support-call-789", headers=headers)
    for path, asked in [
        ("/voices", "/voices"),
        ("/openapi.json", "/openapi.json"),
        ("/docs", "/docs"),
        ("/studio", "/studio"),
        (one, "/recording/support-call-789"),
    ]:
        first = client.get(asked)
        yield "GET", path, first
        yield "GET", path, client.get(asked, headers={"If-None-Match": first.headers["ETag"]})


def test_every_response_header_is_documented(make_client: MakeClient, tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "recordings")
    place.record("support-call-789", b"OggS")
    client = make_client(**place.settings, SAY_ENABLED="true")
    document = client.get("/openapi.json").get_json()
    for method, path, answer in answers_of(client):
        response = resolved(document, operations(document)[method, path]["responses"][str(answer.status_code)])
        told = {name.lower() for name in response["headers"]} | EVERYWHERE
        assert {name.lower() for name in answer.headers.keys()} <= told, (path, answer.status)  # noqa: SIM118


def test_retry_after_is_documented_where_it_is_sent(document: dict[str, Any]) -> None:
    raised = {
        node.func.id
        for path in SAYNA.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if any(word.arg == "retry_after" for word in node.keywords)
    }
    known = {cls.__name__: cls for cls in all_subclasses(SaynaError)}
    codes = {known[name].code for name in raised & set(known)}

    assert codes >= {"OVERLOADED", "TOO_MANY_CALLS", "PROVIDER_RATE_LIMITED"}
    for operation in operations(document).values():
        for response in operation["responses"].values():
            content = resolved(document, response).get("content", {}).get("application/json", {})
            if codes & set(content.get("examples", {})):
                assert "Retry-After" in response["headers"]
