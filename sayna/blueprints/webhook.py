"""POST /livekit/webhook: LiveKit tells what goes on; its signature stands in for a token of ours."""

from flask import Blueprint, Response, request

from sayna.blueprints.body import WEBHOOK_BYTES, read_raw
from sayna.blueprints.context import services
from sayna.blueprints.responses import json_answer
from sayna.livekit.errors import WebhookNotConfigured
from sayna.openapi import documented
from sayna.openapi.operations.rooms import WEBHOOK

blueprint = Blueprint("webhook", __name__)


@blueprint.post("/livekit/webhook")
@documented(WEBHOOK)
def livekit_webhook() -> Response:
    """Answer 200 once the event is taken in, or was before."""
    if (livekit := services().livekit) is None:
        raise WebhookNotConfigured("LiveKit is not configured; set LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    # As raw bytes of type application/webhook+json: over these LiveKit has made its hash.
    livekit.webhook.accept(read_raw(request, WEBHOOK_BYTES), request.headers.get("Authorization", ""))
    return json_answer({"status": "received"})
