"""Requests to LiveKit; loaded by the first of them, because it imports livekit-api."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp
from livekit import api
from livekit.protocol import egress, models

from sayna import http
from sayna.config import RecordingConfig, Secret
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable
from sayna.livekit.model import AgentDispatch
from sayna.livekit.output import output
from sayna.livekit.twirp import NOT_FOUND, answer, certain, checked, unavailable

CONNECT_SECONDS = 2.0
MAX_PAGES = 20


@asynccontextmanager
async def connect(url: str, api_key: Secret, api_secret: Secret, seconds: float) -> AsyncIterator["Rpc"]:
    """Lend a client with kept-alive connections; call it on the event loop that uses the client."""
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(ssl=http.system_context() or True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, middlewares=(checked,)) as session:
        yield Rpc(api.LiveKitAPI(url, api_key.reveal(), api_secret.reveal(), session=session, failover=False))


class Rpc:
    """Requests to LiveKit, one round trip each.

    Each raises LiveKitUnavailable without an answer. `create`, `remove`, `mute` and the methods of recordings
    also raise LiveKitRefused.
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

    async def record(self, room: str, filepath: str, place: RecordingConfig) -> str:
        """Begin to record the audio of a room; return the id of the egress."""
        request = api.RoomCompositeEgressRequest(
            room_name=room, audio_only=True, file_outputs=[output(filepath, place)]
        )
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
