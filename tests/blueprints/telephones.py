"""Requests to the SIP endpoints."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.rooms import bearer

PBX = {"SIP_OUTBOUND_ADDRESS": "pbx.example.com:5060"}
PBX_USER = {**PBX, "SIP_OUTBOUND_AUTH_USERNAME": "sayna", "SIP_OUTBOUND_AUTH_PASSWORD": "canary-password"}
CALL = {
    "room_name": "lobby",
    "participant_name": "Bob",
    "participant_identity": "bob",
    "from_phone_number": "+15550001",
    "to_phone_number": "+15550002",
}


def dial(client: FlaskClient, tenant: str | None = None, *, key: str | None = None, **change: Any) -> TestResponse:
    """Ask for a call."""
    headers = bearer(tenant) | ({"Idempotency-Key": key} if key is not None else {})
    return client.post("/sip/call", json={**CALL, **change}, headers=headers)


def transfer(client: FlaskClient, tenant: str | None = None, **change: Any) -> TestResponse:
    """Ask for a transfer."""
    body = {"room_name": "lobby", "participant_identity": "bob", "transfer_to": "+15550003", **change}
    return client.post("/sip/transfer", json=body, headers=bearer(tenant))


def save(client: FlaskClient, *hooks: dict[str, Any], tenant: str | None = None) -> TestResponse:
    """Save hooks."""
    return client.post("/sip/hooks", json={"hooks": list(hooks)}, headers=bearer(tenant))


def drop(client: FlaskClient, *hosts: str, tenant: str | None = None) -> TestResponse:
    """Remove hooks."""
    return client.delete("/sip/hooks", json={"hosts": list(hosts)}, headers=bearer(tenant))


def listed(client: FlaskClient, tenant: str | None = None) -> list[dict[str, str]]:
    """Return the hooks that a tenant sees."""
    hooks: list[dict[str, str]] = client.get("/sip/hooks", headers=bearer(tenant)).get_json()["hooks"]
    return hooks
