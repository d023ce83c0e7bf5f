"""How an event is signed, so that `WebhookReceiver` of Sayna's SDKs takes it."""

import hashlib
import hmac
import re

from sayna.config import Secret

# An event's own text begins with a version, so no signature of an event is ever a hook's secret.
HOOK_TEXT = "sayna-hook:v1:{tenant}:{host}"
HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,128}")


def per_hook_secret(secret: Secret, tenant: str, host: str) -> Secret:
    """Return the secret of one tenant's hook for one host: 64 hex digits, made of the server's own secret.

    No host has a colon, so no two hooks have the same text.
    """
    return Secret(_digest(secret, HOOK_TEXT.format(tenant=tenant, host=host)))


def event_headers(secret: Secret, event_id: str, body: str, now: int) -> dict[str, str]:
    """Return the headers of an attempt at `now` (seconds since the epoch), good for 5 minutes."""
    return {
        "Content-Type": "application/json",
        "X-Sayna-Signature": f"v1={_digest(secret, f'v1:{now}:{event_id}:{body}')}",
        "X-Sayna-Timestamp": str(now),
        "X-Sayna-Event-Id": event_id,
        "X-Sayna-Signature-Version": "v1",
    }


def header_safe(event_id: str) -> str:
    """Return an id that can be a header: the event's own, or its digest."""
    if HEADER_SAFE.fullmatch(event_id):
        return event_id
    return "sha256:" + hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(secret: Secret, text: str) -> str:
    # The SDKs strip the secret that they are given.
    key = secret.reveal().strip().encode()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
