"""Requests to the LiveKit endpoints, and the tenants that send them."""

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

TENANTS = {name: f"secret-of-{name}-0123456789" for name in ("a", "b")}
AUTH = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": json.dumps([{"id": name, "secret": text} for name, text in TENANTS.items()]),
}
OWNED_BY_A = '{"auth_id":"a"}'


def bearer(tenant: str | None) -> dict[str, str]:
    """Return the header of a tenant."""
    return {} if tenant is None else {"Authorization": f"Bearer {TENANTS[tenant]}"}


def token(client: FlaskClient, room: str = "lobby", tenant: str | None = None, **change: Any) -> TestResponse:
    """Ask for a token."""
    body = {"room_name": room, "participant_name": "Ann", "participant_identity": "ann", **change}
    return client.post("/livekit/token", json=body, headers=bearer(tenant))


def read(client: FlaskClient, room: str = "lobby", tenant: str | None = None) -> TestResponse:
    """Ask for a room."""
    return client.get(f"/livekit/rooms/{room}", headers=bearer(tenant))


def remove(client: FlaskClient, tenant: str | None = None, **change: Any) -> TestResponse:
    """Remove somebody."""
    body = {"room_name": "lobby", "participant_identity": "ann", **change}
    return client.delete("/livekit/participant", json=body, headers=bearer(tenant))


def mute(client: FlaskClient, tenant: str | None = None, **change: Any) -> TestResponse:
    """Mute a track."""
    body = {"room_name": "lobby", "participant_identity": "ann", "track_sid": "TR_1", "muted": True, **change}
    return client.post("/livekit/participant/mute", json=body, headers=bearer(tenant))


def failed(answer: TestResponse) -> tuple[int, str]:
    """Return status and code of an error, which names neither an owner nor what LiveKit said."""
    body = answer.get_json()
    assert body.keys() == {"error", "code", "request_id"}
    assert "token" not in body
    assert not any(word in answer.text for word in ("auth_id", "twirp", "Traceback", "127.0.0.1"))
    return answer.status_code, body["code"]
