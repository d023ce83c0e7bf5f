"""Signatures of events, as `WebhookReceiver` of Sayna's SDKs verifies them."""

import hashlib
import hmac
import re

from sayna.config import Secret

# The signed text of an event begins with a version, so an event's signature never equals a hook's secret.
HOOK_TEXT = "sayna-hook:v1:{tenant}:{host}"
HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,128}")


def per_hook_secret(secret: Secret, tenant: str, host: str) -> Secret:
    """Return the secret of one tenant's hook for one host: 64 hex digits, derived from the server's secret.

    A host has no colon, so each hook has its own text.
    """
    return Secret(_digest(secret, HOOK_TEXT.format(tenant=tenant, host=host)))


def event_headers(secret: Secret, event_id: str, body: str, now: int) -> dict[str, str]:
    """Return the headers of an attempt at `now` (seconds since the epoch), valid for 5 minutes."""
    return {
        "Content-Type": "application/json",
        "X-Sayna-Signature": f"v1={_digest(secret, f'v1:{now}:{event_id}:{body}')}",
        "X-Sayna-Timestamp": str(now),
        "X-Sayna-Event-Id": event_id,
        "X-Sayna-Signature-Version": "v1",
    }


def header_safe(event_id: str) -> str:
    """Return an event id that is valid as a header: the id itself, or its digest."""
    if HEADER_SAFE.fullmatch(event_id):
        return event_id
    return "sha256:" + hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(secret: Secret, text: str) -> str:
    # The SDKs strip blanks around the secret.
    key = secret.reveal().strip().encode()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
