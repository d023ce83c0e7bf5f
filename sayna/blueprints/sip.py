"""SIP: calls out, transfers, and the hooks that get events about inbound calls."""

import re
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from sayna.blueprints.body import read_object
from sayna.blueprints.context import services
from sayna.blueprints.responses import json_response
from sayna.errors import InvalidRequest
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.openapi import documented
from sayna.openapi.operations import sip as reference
from sayna.schemas.sip import HOSTS, call_request, hooks_request, transfer_request

if TYPE_CHECKING:
    from sayna.sip.call_service import CallService

# No comma: WSGI joins repeated headers with one, and two keys must not become a third.
KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")

blueprint = Blueprint("sip", __name__)


@blueprint.post("/sip/call")
@documented(reference.CALL)
def call() -> Response:
    """Begin a call and answer while it rings."""
    wanted, key = call_request(read_object(request)), _idempotency_key()
    placed = _calls().call(g.caller, wanted, key)
    names = {"room_name": wanted.call.room, "participant_identity": wanted.call.identity}
    return json_response({"status": "initiated", **names, **placed})


@blueprint.post("/sip/transfer")
@documented(reference.TRANSFER)
def transfer() -> Response:
    """Transfer a phone to another number; answer within two seconds, even when the transfer goes on."""
    room, identity, number = transfer_request(read_object(request))
    done = _calls().transfer(g.caller, room, identity, number)
    names = {"room_name": room, "participant_identity": identity, "transfer_to": f"tel:{number}"}
    return json_response({"status": "completed" if done else "initiated", **names})


@blueprint.get("/sip/hooks")
@documented(reference.LIST)
def list_hooks() -> Response:
    """Answer with the caller's hooks."""
    return _hooks()


@blueprint.post("/sip/hooks")
@documented(reference.SAVE)
def save_hooks() -> Response:
    """Add or replace hooks and answer with all of the caller's."""
    services().hooks.save(g.caller, hooks_request(read_object(request)))
    return _hooks()


@blueprint.delete("/sip/hooks")
@documented(reference.REMOVE)
def remove_hooks() -> Response:
    """Remove hooks and answer with the remaining ones."""
    services().hooks.remove(g.caller, HOSTS.parse(read_object(request))["hosts"])
    return _hooks()


@blueprint.after_request
def allow(response: Response) -> Response:
    """Add the Allow header that HTTP requires of a 405; it is about a hook that cannot be changed."""
    if response.status_code == 405:  # noqa: PLR2004
        response.headers.setdefault("Allow", "GET, HEAD, OPTIONS")
    return response


def _hooks() -> Response:
    hooks = services().hooks.visible(g.caller)
    return json_response(
        {"hooks": [{"host": hook.host, "url": hook.url, "auth_id": hook.owner or ""} for hook in hooks]}
    )


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise InvalidRequest("send one Idempotency-Key of 1 to 255 visible ASCII characters without a comma")
    return key


def _calls() -> "CallService":
    if (telephony := services().telephony) is None:
        raise LiveKitNotConfigured("LiveKit is not configured; set LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    return telephony.calls
