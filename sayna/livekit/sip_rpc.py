"""What we ask LiveKit about telephones; like rpc.py loaded by the first question only.

A call brings its own trunk: nothing is stored in LiveKit, so no other call can find or change it.
(livekit-server 1.9.2 and later)
"""

from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol import models

from sayna.livekit.model import Call, Placed
from sayna.livekit.rpc import Rpc, answer

# As in the reference. LiveKit is not told to wait for an answer: that may hold a request for 80 s.
RINGING_SECONDS = 30


async def dial(rpc: Rpc, call: Call) -> Placed:
    """Let a telephone ring, and return who will be in the room when it is answered; never asks twice."""
    trunk = api.SIPOutboundConfig(
        hostname=call.address,
        auth_username=call.username,
        auth_password=call.password.reveal() if call.password else "",
    )
    request = api.CreateSIPParticipantRequest(
        trunk=trunk,
        sip_call_to=call.to_number,
        sip_number=call.from_number,
        room_name=call.room,
        participant_identity=call.identity,
        participant_name=call.name,
        ringing_timeout=Duration(seconds=RINGING_SECONDS),
    )
    placed = await answer(rpc.telephone.create_sip_participant(request))
    return Placed(placed.participant_id, placed.sip_call_id)


async def transfer(rpc: Rpc, room: str, identity: str, uri: str) -> None:
    """Return when the far end has taken the transfer, which may take as long as a telephone rings."""
    request = api.TransferSIPParticipantRequest(
        room_name=room,
        participant_identity=identity,
        transfer_to=uri,
        ringing_timeout=Duration(seconds=RINGING_SECONDS),
    )
    await answer(rpc.telephone.transfer_sip_participant(request))


async def telephone(rpc: Rpc, room: str, identity: str) -> models.ParticipantInfo | None:
    """Return the participant if it is there and on the telephone."""
    info = await rpc.participant(room, identity)
    # The kind is LiveKit's own word, while attributes may be anybody's.
    return info if info is not None and info.kind == models.ParticipantInfo.Kind.SIP else None
