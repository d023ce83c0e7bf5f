"""SIP: calls out, transfers, and the hooks that get events about inbound calls."""

import re
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from sayna.blueprints.body import read_object
from sayna.blueprints.context import configured, services
from sayna.blueprints.responses import json_response
from sayna.config.sip import DEFAULT_EVENTS
from sayna.errors import InvalidRequest
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.schemas.livekit import room_name
from sayna.schemas.sip import CALL, HOOKS, HOSTS, TRANSFER, call_request, hooks_request, transfer_request

if TYPE_CHECKING:
    from sayna.sip.telephony import Telephony

# No comma: WSGI joins repeated headers with one, and two keys must not become a third.
KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")

blueprint = Blueprint("sip", __name__)


@blueprint.post("/sip/call")
def call() -> Response:
    """Begin a call and answer while it rings."""
    wanted = call_request(read_object(request, CALL))
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise InvalidRequest("send one Idempotency-Key of 1 to 255 visible ASCII characters without a comma")
    placed = _telephony().calls.call(g.caller, wanted, key)
    return json_response({"room_name": wanted.call.room, "participant_identity": wanted.call.identity, **placed})


@blueprint.get("/sip/call")
def list_calls() -> Response:
    """Answer with the caller's calls in a room."""
    names = request.args.getlist("room_name")
    if len(names) != 1:
        raise InvalidRequest("send one room_name in the query, as in /sip/call?room_name=support-42")
    return json_response({"calls": _telephony().log.in_room(g.caller, room_name(names[0]))})


@blueprint.get("/sip/call/<sip_call_id>")
def read_call(sip_call_id: str) -> Response:
    """Answer with a call as it is now."""
    return json_response(_telephony().log.find(g.caller, sip_call_id))


@blueprint.post("/sip/transfer")
def transfer() -> Response:
    """Transfer a phone to another number; answer within two seconds, even when the transfer goes on."""
    room, identity, target = transfer_request(read_object(request, TRANSFER))
    done = _telephony().transfers.transfer(g.caller, room, identity, target)
    names = {"room_name": room, "participant_identity": identity, "transfer_to": target.uri}
    return json_response({"status": "completed" if done else "initiated", **names})


@blueprint.get("/sip/hooks")
def list_hooks() -> Response:
    """Answer with the caller's hooks."""
    return _hooks()


@blueprint.post("/sip/hooks")
def save_hooks() -> Response:
    """Add or replace hooks and answer with all of the caller's."""
    services().hooks.save(g.caller, hooks_request(read_object(request, HOOKS)))
    return _hooks()


@blueprint.delete("/sip/hooks")
def remove_hooks() -> Response:
    """Remove hooks and answer with the remaining ones."""
    services().hooks.remove(g.caller, HOSTS.parse(read_object(request, HOSTS))["hosts"])
    return _hooks()


def _hooks() -> Response:
    hooks: list[dict[str, object]] = []
    for hook in services().hooks.visible(g.caller):
        # The events only where the tenant chose them.
        events = {} if hook.events == DEFAULT_EVENTS else {"events": list(hook.events)}
        hooks.append({"host": hook.host, "url": hook.url, "auth_id": hook.owner or "", **events})
    return json_response({"hooks": hooks})


def _telephony() -> "Telephony":
    return configured(services().telephony, LiveKitNotConfigured)
