"""POST /livekit/webhook: LiveKit sends events and signs them, so it needs no token."""

from flask import Blueprint, Response, request

from sayna.blueprints.body import WEBHOOK_BYTES, read_raw
from sayna.blueprints.context import configured, services
from sayna.blueprints.responses import json_response
from sayna.livekit.errors import WebhookNotConfigured

blueprint = Blueprint("webhook", __name__)


@blueprint.post("/livekit/webhook")
def livekit_webhook() -> Response:
    """Answer 200 when the event is accepted, now or earlier."""
    telephony = configured(services().telephony, WebhookNotConfigured)
    # LiveKit signs the raw bytes, of type application/webhook+json.
    telephony.webhook.accept(read_raw(request, WEBHOOK_BYTES), request.headers.get("Authorization", ""))
    return json_response({"status": "received"})
