"""Events of inbound calls as livekit-server sends them, and a hook that verifies them with the SDK."""

import contextlib
import hashlib
import hmac
import sqlite3
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sayna_client.types import WebhookSIPOutput
from sayna_client.webhook_receiver import WebhookReceiver
from werkzeug.test import TestResponse

from tests.e2e.program import until
from tests.livekit.events import JOINED, encoded, signed
from tests.wire.hit import Hit
from tests.wire.server import Exchange, FaultServer

SECRET = "hook-secret-0123456789"
SETTINGS = {"SIP_HOOK_SECRET": SECRET, "SIP_HOOK_ALLOW_PRIVATE": "true", "SIP_ROOM_PREFIX": "sip"}
SETTINGS["SIP_ALLOWED_ADDRESSES"] = "127.0.0.1"
ATTRIBUTES = {
    "sip.phoneNumber": "+15559876543",
    "sip.trunkPhoneNumber": "+15551234567",
    "sip.h.x-to-ip": "A.example.com:5060",
    "sip.h.to": "<sip:+15551234567@10.0.0.1>",
    "sip.callID": "SCL_1",
}


def joined(
    event_id: str = "EV_1",
    *,
    room: str = "lobby",
    kind: str = "SIP",
    attributes: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the event of a participant that joined, by phone unless `kind` differs."""
    return {
        **JOINED,
        "id": event_id,
        "room": {"sid": f"RM_{room}", "name": room},
        "participant": {
            **JOINED["participant"],
            "kind": kind,
            "attributes": ATTRIBUTES if attributes is None else attributes,
        },
    }


def outbound(
    name: str, event_id: str, phone: Any, *, room: str = "lobby", reason: Any = None, at: int = 0
) -> dict[str, Any]:
    """Return an event of a phone that was dialled, `at` a time of LiveKit's clock.

    `phone` is LiveKit's participant, and `reason` why it left.
    """
    return {
        "event": name,
        "id": event_id,
        "createdAt": str(at or int(time.time())),
        "room": {"sid": f"RM_{room}", "name": room},
        "participant": {
            "sid": phone.sid,
            "joinedAt": str(phone.joined_at),
            "identity": phone.identity,
            "kind": "SIP",
            "attributes": dict(phone.attributes),
            **({"disconnectReason": reason} if reason is not None else {}),
        },
    }


def send_event(client: FlaskClient, event: dict[str, Any]) -> TestResponse:
    """Send an event as LiveKit does."""
    body = encoded(event)
    return client.post("/livekit/webhook", data=body, headers={"Authorization": signed(body)})


def verified(hit: Hit, secret: str = SECRET) -> WebhookSIPOutput:
    """Return the event that the SDK's receiver reads; raises SaynaValidationError."""
    return WebhookReceiver(secret).receive(dict(hit.headers), hit.body.decode())


class Target(FaultServer):
    """Accepts every event, unless a script says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.always(accept)

    def received(self, times: int, seconds: float = 60) -> list[Hit]:
        """Return the first requests when they are there."""
        until(lambda: len(self.hits) >= times, seconds, f"{times} requests came")
        return self.hits[:times]


def accept(exchange: Exchange) -> None:
    """Answer as a receiver does."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def refuse(exchange: Exchange) -> None:
    """Answer as a failing receiver does."""
    exchange.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")


def hook(
    target: FaultServer, host: str = "a.example.com", auth_id: str = "", path: str = "/hook?x=1"
) -> dict[str, str]:
    """Return a hook that leads to the target."""
    return {"host": host, "url": target.url + path, "auth_id": auth_id}


def waiting(folder: Path) -> int:
    """Return how many events wait in the outbox of an application."""
    with contextlib.closing(sqlite3.connect(folder / "cache" / "sip" / "deliveries.sqlite")) as database:
        count: int = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
    return count


def per_hook_secret(tenant: str, host: str = "a.example.com") -> str:
    """Return the secret of a tenant's hook as docs/sip.md says that it is made."""
    return hmac.new(SECRET.encode(), f"sayna-hook:v1:{tenant}:{host}".encode(), hashlib.sha256).hexdigest()
