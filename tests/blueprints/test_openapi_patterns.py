"""The patterns in openapi.json accept what the server accepts, and nothing else."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.telephones import CALL

TEXTS = [
    *("pbx.lan", "pbx.lan:5060", "pbx.lan:9999", "pbx.lan:10000", "pbx.lan:65535", "pbx.lan:65536", "pbx.lan:0"),
    *("pbx.lan:05060", "10.0.0.1:15060", "[::1]", "[::1]:4449", "::1", "-a", "a b", " pbx.lan ", "sip:pbx.lan", "a@b"),
    *("+4930123456", "07123", " 1234 ", "+", "1" * 32, "1" * 33, "12 34", "+1-2", "\u0661\u0662", "", " "),
    *("de", "de_DE", "deu", " en-GB ", "sr-Latn-RS", "german", "d", "de DE", "en-", "x-private", "en--US"),
    *("a.b", "a..b", ".a", "a.", "a/b", "a" * 128, "a" * 129, "\u00e9", "tenant:a@b", "a\tb"),
]
FIELDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "outbound_address": ("/sip/call", "OwnTrunk", {}),
    "to_phone_number": ("/sip/call", "Call", CALL),
    "from_phone_number": ("/sip/call", "Call", CALL),
    "transfer_to": ("/sip/transfer", "Transfer", {"room_name": "a", "participant_identity": "b"}),
    "room_name": ("/livekit/token", "Token", {"participant_name": "a", "participant_identity": "b"}),
    "language": ("/speak", "FlatSpeak", {"text": "x"}),
    "auth_id": ("/sip/hooks", "Hook", {"host": "a.example.com", "url": "https://example.com"}),
}


@pytest.fixture
def schemas(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").get_json()["components"]["schemas"]
    return found


@pytest.mark.parametrize("field", FIELDS)
def test_pattern_accepts_what_the_server_accepts(client: FlaskClient, schemas: dict[str, Any], field: str) -> None:
    path, name, body = FIELDS[field]
    documented = schemas[name]["properties"][field]
    for text in TEXTS:
        sent: dict[str, Any] = {**body, field: text}
        if field == "outbound_address":
            sent = {**CALL, "sip": sent}
        if field == "auth_id":
            sent = {"hooks": [sent]}
        answer = client.post(path, json=sent)
        # Other codes than these say that the server understood the text and cannot act on it.
        is_refused = answer.status_code == 400 and answer.get_json()["code"] != "PROVIDER_REJECTED_REQUEST"
        is_long = len(text) > documented.get("maxLength", len(text)) or len(text) < documented.get("minLength", 0)
        matches = re.search(documented["pattern"], text) is not None and not is_long
        assert matches is not is_refused, (text, answer.get_json())
