"""Requests to LiveKit; loaded by the first of them, because it imports livekit-api."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp
from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol import egress, models

from sayna import http
from sayna.config import RecordingConfig, Secret
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable
from sayna.livekit.model import AgentDispatch, Call, Placed, Trunk
from sayna.livekit.twirp import NOT_FOUND, answer, certain, checked, unavailable

CONNECT_SECONDS = 2.0
MAX_PAGES = 20
# How long the far end of a transfer may ring.
TRANSFER_RINGING_SECONDS = 30


@asynccontextmanager
async def connect(url: str, api_key: Secret, api_secret: Secret, seconds: float) -> AsyncIterator["Rpc"]:
    """Lend a client with kept-alive connections; call it on the event loop that uses the client."""
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(ssl=http.system_context() or True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, middlewares=(checked,)) as session:
        yield Rpc(api.LiveKitAPI(url, api_key.reveal(), api_secret.reveal(), session=session, failover=False))


class Rpc:
    """Requests to LiveKit, one round trip each.

    Each raises LiveKitUnavailable without an answer. `create`, `remove`, `mute` and the methods of phones and
    recordings also raise LiveKitRefused.
    """

    def __init__(self, client: api.LiveKitAPI) -> None:
        self._rooms = client.room
        self.sip = client.sip
        self._egress = client.egress

    async def rooms(self, names: Iterable[str] = ()) -> list[models.Room]:
        """Return the open rooms of these names, or all."""
        return list((await certain(self._rooms.list_rooms(api.ListRoomsRequest(names=names)))).rooms)

    async def room(self, name: str) -> models.Room | None:
        """Return the room, if it is open."""
        return next((room for room in await self.rooms([name]) if room.name == name), None)

    async def create(
        self, name: str, metadata: str, options: Mapping[str, int], agents: Sequence[AgentDispatch] = ()
    ) -> models.Room:
        """Return the open room of this name: as it is, or a new one with this metadata, these options and agents."""
        dispatches = [api.RoomAgentDispatch(agent_name=each.agent_name, metadata=each.metadata) for each in agents]
        request = api.CreateRoomRequest(name=name, metadata=metadata, agents=dispatches)
        for option, value in options.items():
            setattr(request, option, value)
        room = await answer(self._rooms.create_room(request))
        if room.name != name:
            raise LiveKitUnavailable("LiveKit created a room of another name")
        return room

    async def set_metadata(self, name: str, metadata: str) -> None:
        """Write a room's metadata."""
        request = api.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        await certain(self._rooms.update_room_metadata(request))

    async def participants(self, room: str) -> list[models.ParticipantInfo]:
        """Return the participants of a room; a missing room has none."""
        request = api.ListParticipantsRequest(room=room)
        return list((await certain(self._rooms.list_participants(request))).participants)

    async def participant(self, room: str, identity: str) -> models.ParticipantInfo | None:
        """Return the participant, or None when it is not in the room."""
        try:
            return await answer(self._rooms.get_participant(_participant(room, identity)))
        except LiveKitRefused as refusal:
            if refusal.twirp_code == NOT_FOUND:
                return None
            raise unavailable() from refusal

    async def remove(self, room: str, identity: str) -> None:
        """Disconnect a participant."""
        await answer(self._rooms.remove_participant(_participant(room, identity)))

    async def mute(self, room: str, identity: str, track_sid: str, *, muted: bool) -> bool | None:
        """Return whether the track is muted now, or None when LiveKit does not know the track.

        For an unknown participant LiveKit waits three seconds, so call `participant` first.
        """
        request = api.MuteRoomTrackRequest(room=room, identity=identity, track_sid=track_sid, muted=muted)
        reply = await answer(self._rooms.mute_published_track(request))
        return reply.track.muted if reply.HasField("track") else None

    async def phone(self, room: str, identity: str) -> models.ParticipantInfo | None:
        """Return the participant if it is in the room and a phone."""
        info = await self.participant(room, identity)
        # LiveKit sets the kind, while any participant may set its attributes.
        return info if info is not None and info.kind == models.ParticipantInfo.Kind.SIP else None

    async def dial(self, call: Call, trunk: Trunk, seconds: float) -> Placed:
        """Return the ids of a call that rings now, or that is answered if the call waits for that.

        It is sent once, because a retry could place a second call. It brings its own trunk (livekit-server 1.9.2 and
        later): LiveKit stores none, so another call can neither find nor change it.
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
        # livekit-api itself would wait for 2 s after the ringing time, when LiveKit SIP may not have answered yet.
        placed = await answer(self.sip.create_sip_participant(request, timeout=seconds))
        return Placed(placed.participant_id, placed.sip_call_id)

    async def transfer(self, room: str, identity: str, uri: str) -> None:
        """Return when the far end has accepted the transfer, after up to TRANSFER_RINGING_SECONDS."""
        request = api.TransferSIPParticipantRequest(
            room_name=room,
            participant_identity=identity,
            transfer_to=uri,
            ringing_timeout=Duration(seconds=TRANSFER_RINGING_SECONDS),
        )
        await answer(self.sip.transfer_sip_participant(request))

    async def record(self, room: str, filepath: str, place: RecordingConfig) -> str:
        """Begin to record the audio of a room; return the id of the egress."""
        request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True, file_outputs=[_file(filepath, place)])
        return (await answer(self._egress.start_room_composite_egress(request))).egress_id

    async def stop_recording(self, egress_id: str) -> egress.EgressInfo:
        """End an egress; LiveKit refuses with failed_precondition when it is being stopped or has ended."""
        return await answer(self._egress.stop_egress(api.StopEgressRequest(egress_id=egress_id)))

    async def recordings(self, *, egress_id: str = "", room: str = "", active: bool = False) -> list[egress.EgressInfo]:
        """Return the egress of this id, or those of a room or of all rooms; `active` leaves out those that are over.

        LiveKit refuses an unknown id with not_found.
        """
        request = api.ListEgressRequest(egress_id=egress_id, room_name=room, active=active)
        found: list[egress.EgressInfo] = []
        # LiveKit Cloud sends pages, livekit-server 1.13.5 everything at once.
        for _ in range(MAX_PAGES):
            page = await answer(self._egress.list_egress(request))
            found += page.items
            if not page.next_page_token.token:
                break
            request.page_token.CopyFrom(page.next_page_token)
        return found


def _participant(room: str, identity: str) -> api.RoomParticipantIdentity:
    return api.RoomParticipantIdentity(room=room, identity=identity)


def _file(filepath: str, place: RecordingConfig) -> api.EncodedFileOutput:
    """Return an OGG file at this path: in the recordings' store, with its credentials, or on the disk of the egress."""
    file = api.EncodedFileOutput(file_type=api.EncodedFileType.OGG, filepath=filepath)
    if place.backend == "s3":
        # Without keys the egress finds its own, as boto3 does here.
        upload = api.S3Upload(
            access_key=place.s3_access_key.reveal() if place.s3_access_key else "",
            secret=place.s3_secret_key.reveal() if place.s3_secret_key else "",
            session_token=place.s3_session_token.reveal() if place.s3_session_token else "",
            region=place.s3_region,
            endpoint=place.s3_endpoint or "",
            bucket=place.s3_bucket or "",
            force_path_style=place.s3_force_path_style,
        )
        file.s3.CopyFrom(upload)
    if place.backend == "gcs":
        file.gcp.CopyFrom(api.GCPUpload(credentials=_account(place), bucket=place.gcs_bucket or ""))
    return file


def _account(place: RecordingConfig) -> str:
    if place.gcs_credentials_json:
        return place.gcs_credentials_json.reveal()
    return place.gcs_credentials_path.read_text("utf-8") if place.gcs_credentials_path else ""
