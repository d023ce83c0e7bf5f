"""Events as livekit-server signs and sends them."""

import base64
import hashlib
import json
import time
from typing import Any

import jwt

from tests.wire.twirp import KEY, SECRET

JOINED: dict[str, Any] = {
    "event": "participant_joined",
    "room": {"sid": "RM_1", "name": "lobby", "metadata": '{"auth_id":"a"}', "creationTime": "1700000000"},
    "participant": {
        "sid": "PA_1",
        "identity": "sip_+15551234",
        "name": "Phone +15551234",
        "kind": "SIP",
        "state": "ACTIVE",
        "attributes": {"sip.phoneNumber": "+15551234", "sip.h.x-to-ip": "a.example.com"},
    },
    "id": "EV_1",
    "createdAt": "1700000001",
}


def encoded(event: Any) -> bytes:
    """Return the body of an event."""
    return json.dumps(event).encode()


def signed(body: bytes, *, key: str = KEY, secret: str = SECRET, alg: str = "HS256", **claims: Any) -> str:
    """Return the header of a body; a claim of None is left out."""
    now = int(time.time())
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    all_claims = {"iss": key, "nbf": now, "exp": now + 300, "sha256": digest, **claims}
    kept = {name: value for name, value in all_claims.items() if value is not None}
    return jwt.encode(kept, secret if alg != "none" else "", algorithm=alg)
