"""Requests to LiveKit's SIP service; like rpc.py loaded by the first request only.

Each call brings its own trunk (livekit-server 1.9.2 and later): LiveKit stores none, so another call can
neither find nor change it.
"""

from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol import models

from sayna.livekit.model import Call, Placed, Trunk
from sayna.livekit.rpc import Rpc
from sayna.livekit.twirp import answer

# How long the far end of a transfer may ring.
RINGING_SECONDS = 30


async def dial(rpc: Rpc, call: Call, trunk: Trunk, seconds: float) -> Placed:
    """Return the ids of a call that rings now, or that is answered if the call waits for that.

    It is sent once, because a retry could place a second call. livekit-api itself would wait for 2 s after the
    ringing time, when LiveKit SIP may not have answered yet.
    """
    request = api.CreateSIPParticipantRequest(
        trunk=api.SIPOutboundConfig(
            hostname=trunk.address,
            auth_username=trunk.username,
            auth_password=trunk.password.reveal() if trunk.password else "",
            transport=f"SIP_TRANSPORT_{trunk.transport.upper()}",
        ),
        sip_call_to=call.to_number,
        sip_number=call.from_number,
        room_name=call.room,
        participant_identity=call.identity,
        participant_name=call.name,
        headers=call.headers,
        dtmf=call.dtmf,
        ringing_timeout=Duration(seconds=call.ringing_timeout),
        max_call_duration=Duration(seconds=call.max_duration) if call.max_duration else None,
        media_encryption=f"SIP_MEDIA_ENCRYPT_{trunk.encryption.upper()}",
        wait_until_answered=call.wait_until_answered,
        display_name=call.from_name,
    )
    placed = await answer(rpc.sip.create_sip_participant(request, timeout=seconds))
    return Placed(placed.participant_id, placed.sip_call_id)


async def transfer(rpc: Rpc, room: str, identity: str, uri: str) -> None:
    """Return when the far end has accepted the transfer, after up to RINGING_SECONDS."""
    request = api.TransferSIPParticipantRequest(
        room_name=room,
        participant_identity=identity,
        transfer_to=uri,
        ringing_timeout=Duration(seconds=RINGING_SECONDS),
    )
    await answer(rpc.sip.transfer_sip_participant(request))


async def phone(rpc: Rpc, room: str, identity: str) -> models.ParticipantInfo | None:
    """Return the participant if it is in the room and a phone."""
    info = await rpc.participant(room, identity)
    # LiveKit sets the kind, while any participant may set its attributes.
    return info if info is not None and info.kind == models.ParticipantInfo.Kind.SIP else None
