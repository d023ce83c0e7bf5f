"""LiveKit: tokens for rooms, lists of rooms, moderation, and the webhook."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from sayna.blueprints.body import WEBHOOK_BYTES, read_object, read_optional_object, read_raw
from sayna.blueprints.context import configured, services
from sayna.blueprints.responses import json_response
from sayna.livekit.errors import LiveKitNotConfigured, WebhookNotConfigured
from sayna.schemas.livekit import MUTE, PARTICIPANT, STOCK_TOKEN, load_token
from sayna.schemas.livekit import room_name as checked

if TYPE_CHECKING:
    from sayna.livekit.livekit_client import LiveKit

blueprint = Blueprint("livekit", __name__)


@blueprint.post("/livekit/token")
def token() -> Response:
    """Answer with a token for one room after the room is claimed for the caller."""
    wanted = load_token(read_optional_object(request, STOCK_TOKEN))
    room, livekit = wanted.room_name, _livekit()
    # Claim before signing, because LiveKit cannot revoke a token.
    livekit.rooms.settle(g.caller, room, wanted.agents)
    signed = livekit.tokens.token(
        room=room,
        identity=wanted.participant_identity,
        name=wanted.participant_name,
        tenant=g.caller.tenant,
        about=wanted.about,
        agents=wanted.agents,
    )
    public_url = services().config.livekit.public_url
    return json_response(
        {
            "token": signed,
            "room_name": room,
            "participant_identity": wanted.participant_identity,
            "livekit_url": public_url,
            # The names that LiveKit's own clients expect.
            "participant_token": signed,
            "server_url": public_url,
        }
    )


@blueprint.get("/livekit/rooms")
def list_rooms() -> Response:
    """Answer with the caller's open rooms."""
    fields = ("name", "num_participants", "creation_time")
    rooms = [{name: getattr(room, name) for name in fields} for room in _livekit().rooms.visible(g.caller)]
    return json_response({"rooms": rooms})


@blueprint.get("/livekit/rooms/<room_name:room_name>", merge_slashes=False)
def read_room(room_name: str) -> Response:
    """Answer with a room and its participants."""
    room, participants = _livekit().rooms.details(g.caller, checked(room_name))
    return json_response({**asdict(room), "participants": [asdict(each) for each in participants]})


@blueprint.delete("/livekit/participant")
def remove_participant() -> Response:
    """Disconnect a participant."""
    who = PARTICIPANT.parse(read_object(request, PARTICIPANT))
    _livekit().rooms.remove(g.caller, who["room_name"], who["participant_identity"])
    return json_response({"status": "removed", **who})


@blueprint.post("/livekit/participant/mute")
def mute_participant() -> Response:
    """Mute or unmute a track, or the microphone."""
    wanted = MUTE.parse(read_object(request, MUTE))
    room, identity = wanted["room_name"], wanted["participant_identity"]
    track, muted = _livekit().rooms.mute(g.caller, room, identity, wanted.get("track_sid"), muted=wanted["muted"])
    return json_response({**wanted, "track_sid": track, "muted": muted})


@blueprint.post("/livekit/webhook")
def livekit_webhook() -> Response:
    """Answer 200 when the event is accepted, now or earlier; LiveKit signs its events, so it needs no token."""
    telephony = configured(services().telephony, WebhookNotConfigured)
    # LiveKit signs the raw bytes, of type application/webhook+json.
    telephony.webhook.accept(read_raw(request, WEBHOOK_BYTES), request.headers.get("Authorization", ""))
    return json_response({"status": "received"})


def _livekit() -> "LiveKit":
    return configured(services().livekit, LiveKitNotConfigured)
