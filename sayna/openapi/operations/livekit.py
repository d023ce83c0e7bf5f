"""The LiveKit endpoints."""

from typing import Any

from sayna.errors import InvalidRequest, Overloaded, PayloadTooLarge
from sayna.livekit import errors
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas import livekit as schemas
from sayna.schemas.livekit_token import STOCK_TOKEN

TAG = "Rooms"
LIVEKIT = (errors.LiveKitNotConfigured, errors.LiveKitUnavailable)
WHO = {"room_name": "support-42", "participant_identity": "alex-support"}
TRACK = {**WHO, "track_sid": "TR_AMx4fG2jvRZ7", "muted": True}
ROOM_NAME: dict[str, Any] = {
    "in": "path",
    "name": "room_name",
    "required": True,
    "description": "Percent-encoded, including slashes.",
    "schema": {"type": "string", **schemas.Name().metadata},
    "example": "support-42",
}


def _json(description: str, schema: Any, example: Any = None) -> ResponseDoc:
    return ResponseDoc(description, {"application/json": schema}, example=example)


TOKEN = Operation(
    tag=TAG,
    summary="Create a token",
    description="A token for one participant to enter one room. An absent room is created for the tenant. "
    "Stock LiveKit clients (`TokenSource.endpoint`) may leave out any field, and even the body; a body with some of "
    "the three names and nothing else needs all three.",
    request=(schemas.TOKEN, STOCK_TOKEN),
    needs_body=False,
    examples={
        "support": {**WHO, "participant_name": "alex"},
        "stock": {"room_config": {"agents": [{"agent_name": "helper"}]}},
    },
    responses={200: _json("The token.", schemas.RoomTokenSchema)},
    errors=(errors.RoomAccessDenied, *LIVEKIT),
)
LIST = Operation(
    tag=TAG,
    summary="List rooms",
    description="The open rooms of the caller.",
    responses={200: _json("The rooms.", schemas.RoomsSchema)},
    errors=LIVEKIT,
)
READ = Operation(
    tag=TAG,
    summary="Read a room",
    description="One room and its participants.",
    parameters=(ROOM_NAME,),
    responses={200: _json("The room.", schemas.RoomDetailsSchema)},
    errors=(InvalidRequest, errors.RoomNotFound, *LIVEKIT),
)
REMOVE = Operation(
    tag=TAG,
    summary="Remove a participant",
    description="Disconnects a participant from a room.",
    request=(schemas.PARTICIPANT,),
    examples={"support": WHO},
    responses={200: _json("The participant that was removed.", schemas.RemovedSchema, {"status": "removed", **WHO})},
    errors=(errors.ParticipantNotFound, errors.RemovalFailed, *LIVEKIT),
)
MUTE = Operation(
    tag=TAG,
    summary="Mute a track",
    description="Mutes a track, or unmutes it where the LiveKit server allows that. Without `track_sid` it is the"
    " microphone.",
    request=(schemas.MUTE,),
    examples={"mute": TRACK},
    responses={200: _json("The track.", schemas.MutedSchema, TRACK)},
    errors=(errors.ParticipantNotFound, errors.MuteFailed, *LIVEKIT),
)
WEBHOOK = Operation(
    tag=TAG,
    summary="Take in an event",
    description="LiveKit sends signed events here, and sends them again after a 5xx. "
    "The server handles each event once.",
    request=({"type": "object", "description": "LiveKit's own event."},),
    media_type="application/webhook+json",
    parameters=(
        {
            "in": "header",
            "name": "Authorization",
            "description": "LiveKit's token over the body, with or without `Bearer`.",
            "schema": {"type": "string"},
        },
    ),
    responses={200: _json("The event is accepted.", schemas.ReceivedSchema, {"status": "received"})},
    errors=(
        InvalidRequest,
        PayloadTooLarge,
        errors.InvalidSignature,
        errors.WebhookNotConfigured,
        errors.LiveKitUnavailable,
        Overloaded,
    ),
)
