"""The SIP endpoints."""

from typing import Any

from sayna.errors import InvalidRequest, StoreUnavailable
from sayna.livekit.errors import CallNotAnswered, LiveKitNotConfigured, LiveKitUnavailable, ParticipantNotFound
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas import sip as schemas
from sayna.schemas import sip_hooks as hooks
from sayna.schemas.livekit import Name
from sayna.sip import errors

TAG = "Telephone"
WHO = {"room_name": "support-42", "participant_identity": "bob"}
CALLED = {**WHO, "participant_name": "Bob", "from_phone_number": "+15550001", "to_phone_number": "+15550002"}
HOOK = {
    "host": "example.com",
    "url": "https://backoffice.example.com/calls",
    "auth_id": "tenant-a",
    "events": ["participant_joined", "call_ended"],
}
PBX = {"outbound_address": "pbx.example.com:5060", "auth_username": "me", "auth_password": "mine"}
KEY: dict[str, Any] = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Requests with the same key place one call in 24 hours and get the same response.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x2b\x2d-\x7e]{1,255}$"},
}


def _json(description: str, schema: Any, example: Any) -> ResponseDoc:
    return ResponseDoc(description, {"application/json": schema}, example=example)


STATE = {
    "sip_call_id": "SCL_7dGh1",
    **WHO,
    "status": "ended",
    "reason": "hangup",
    "sip_status": None,
    "started_at": 1790000000,
    "answered_at": 1790000007,
    "ended_at": 1790000067,
    "duration_seconds": 60,
    "transfer": None,
}
HOOKS = {200: _json("The caller's hooks.", hooks.HookListSchema, {"hooks": [HOOK]})}
CALL = Operation(
    tag=TAG,
    summary="Begin a call",
    description="Calls a telephone and connects it to a room. The room is claimed for the tenant before the call.",
    request=(schemas.CALL,),
    parameters=(KEY,),
    examples={
        "call": CALLED,
        "through your own PBX": {**CALLED, "sip": PBX},
        "wait for the answer": {
            **CALLED,
            "ringing_timeout": 20,
            "max_call_duration": 600,
            "wait_until_answered": True,
            "sip": {"from_name": "Support", "headers": {"X-Ticket": "4711"}, "dtmf": "1w2#"},
        },
    },
    responses={
        200: _json(
            "The call has started.",
            schemas.PlacedCallSchema,
            {"status": "initiated", **WHO, "participant_id": "PA_8HbQ2", "sip_call_id": "SCL_7dGh1"},
        )
    },
    errors=(
        errors.InvalidPhoneNumber,
        errors.InvalidSipAddress,
        errors.KeyReused,
        errors.DestinationNotAllowed,
        errors.FromNumberNotAllowed,
        errors.TooManyCalls,
        errors.SipRoomAccessDenied,
        errors.ParticipantExists,
        errors.OutboundAddressNotConfigured,
        errors.CallFailed,
        errors.CallNotPlaced,
        errors.Busy,
        errors.NoAnswer,
        errors.Declined,
        StoreUnavailable,
        LiveKitNotConfigured,
    ),
)
TRANSFER = Operation(
    tag=TAG,
    summary="Transfer a call",
    description="Transfers a telephone in a room to another number or SIP address. The response comes within two"
    " seconds; `GET /sip/call/{sip_call_id}` has the outcome of a transfer that goes on.",
    request=(schemas.TRANSFER,),
    examples={"transfer": {**WHO, "transfer_to": "+15550003"}},
    responses={
        200: _json(
            "The transfer is completed or initiated.",
            schemas.TransferredSchema,
            {"status": "initiated", **WHO, "transfer_to": "tel:+15550003"},
        )
    },
    errors=(
        errors.InvalidPhoneNumber,
        errors.DestinationNotAllowed,
        errors.InvalidSipAddress,
        errors.TransferFailed,
        CallNotAnswered,
        ParticipantNotFound,
        LiveKitNotConfigured,
    ),
)
CALL_STATE = Operation(
    tag=TAG,
    summary="Read a call",
    description="One of the caller's calls of the last 24 hours, as LiveKit has it now, and how it ended.",
    parameters=(
        {
            "in": "path",
            "name": "sip_call_id",
            "required": True,
            "description": "As `POST /sip/call` answered.",
            "schema": {"type": "string"},
            "example": "SCL_7dGh1",
        },
    ),
    responses={200: _json("The call.", schemas.CallStateSchema, STATE)},
    errors=(errors.CallNotFound, StoreUnavailable, LiveKitNotConfigured, LiveKitUnavailable),
)
CALLS = Operation(
    tag=TAG,
    summary="List the calls of a room",
    description="The caller's calls of the last 24 hours in a room, the newest first, at most 200.",
    parameters=(
        {
            "in": "query",
            "name": "room_name",
            "required": True,
            "description": "The room.",
            "schema": {"type": "string", **Name().metadata},
            "example": "support-42",
        },
    ),
    responses={200: _json("The calls.", schemas.CallListSchema, {"calls": [STATE]})},
    errors=(InvalidRequest, StoreUnavailable, LiveKitNotConfigured, LiveKitUnavailable),
)
LIST = Operation(
    tag=TAG,
    summary="List hooks",
    description="The hooks that get events of incoming calls, for the domains of the caller.",
    responses=HOOKS,
)
SAVE = Operation(
    tag=TAG,
    summary="Save hooks",
    description="Adds hooks and replaces those of the same hosts: all of them or none. The operator has the"
    " secret that signs their events (`flask sip secret`).",
    request=(hooks.HOOKS,),
    examples={"hook": {"hooks": [HOOK]}},
    responses=HOOKS,
    errors=(
        errors.HookAccessDenied,
        errors.HookImmutable,
        errors.HookTaken,
        errors.HooksNotStored,
        errors.HookNamesTooSlow,
        StoreUnavailable,
    ),
)
REMOVE = Operation(
    tag=TAG,
    summary="Remove hooks",
    description="Removes the caller's hooks of these hosts. Hosts without a hook of the caller are ignored.",
    request=(hooks.HOSTS,),
    examples={"hook": {"hosts": ["example.com"]}},
    responses=HOOKS,
    errors=(errors.HookImmutable, errors.HooksNotStored, StoreUnavailable),
)
