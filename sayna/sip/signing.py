"""How an event is signed, so that `WebhookReceiver` of Sayna's SDKs takes it."""

import hashlib
import hmac
import re

from sayna.config import Secret

HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,128}")


def event_headers(secret: Secret, event_id: str, body: str, now: int) -> dict[str, str]:
    """Return the headers of an attempt at `now` (seconds since the epoch), good for 5 minutes."""
    # The SDKs strip the secret that they are given.
    key = secret.reveal().strip().encode()
    signature = hmac.new(key, f"v1:{now}:{event_id}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Sayna-Signature": f"v1={signature}",
        "X-Sayna-Timestamp": str(now),
        "X-Sayna-Event-Id": event_id,
        "X-Sayna-Signature-Version": "v1",
    }


def header_safe(event_id: str) -> str:
    """Return an id that can be a header: the event's own, or its digest."""
    if HEADER_SAFE.fullmatch(event_id):
        return event_id
    return "sha256:" + hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()
