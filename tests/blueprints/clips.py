"""Clip URLs as tests make them, by the contract's words and not by the server's code."""

import base64
import hashlib
import hmac
import json
from typing import Any

from flask.testing import FlaskClient

SECRET = "clip-secret-of-the-tests-0123456789abcdef"
SECRETS = json.dumps([SECRET])
TENANTS = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": json.dumps(
        [{"id": "tenant-a", "secret": "sk_clips_of_tenant_a"}, {"id": "tenant-b", "secret": "sk_clips_of_tenant_b"}]
    ),
}
VOICE = {"p": "espeak", "v": "gmw/en-US"}


def bearer(tenant: str) -> dict[str, str]:
    """Return the headers of a tenant."""
    return {"Authorization": f"Bearer sk_clips_of_{tenant.replace('-', '_')}"}


def digest(key: str, message: str) -> str:
    """Return HMAC-SHA256 in hex."""
    return hmac.new(key.encode(), message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def packed(text: str | bytes) -> str:
    """Return unpadded base64url."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: str, ext: str = "wav", tenant: str = "", secret: str = SECRET) -> str:
    """Return the path of a payload that a tenant's key has signed."""
    key = digest(secret, f"tenant:{tenant}")
    return f"/clip/{payload}/{digest(key, f'{payload}.{ext}')[:32]}.{ext}"


def path_of(fields: dict[str, Any], ext: str = "wav", **how: str) -> str:
    """Return the path of a clip that says these fields; its tenant signs it."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return signed(packed(text), ext, str(fields.get("o", "")), **how)


def unpacked(path: str) -> dict[str, Any]:
    """Return what the payload of a path says."""
    payload = path.split("/")[2]
    fields: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return fields


def minted(client: FlaskClient, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Return the answer to POST /clips; fails unless it is 201."""
    answer = client.post("/clips", json=body, headers=headers)
    assert answer.status_code == 201, answer.data
    found: dict[str, Any] = answer.get_json()
    return found
