"""Requests to LiveKit; loaded by the first of them, because it imports livekit-api.

Twirp, https://twitchtv.github.io/twirp/docs/spec_v7.html: a response is protobuf with status 200, or JSON
with a code. Any other response comes from another program than LiveKit.
"""

import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol import egress, models

from sayna import http
from sayna.config import RecordingConfig, Secret
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable
from sayna.livekit.model import AgentDispatch
from sayna.livekit.output import output
from sayna.log import emit

logger = logging.getLogger("sayna.livekit")

CONNECT_SECONDS = 2.0
MAX_PAGES = 20
NOT_FOUND = "not_found"
# These codes are about LiveKit itself: down, busy, or a wrong key or clock of this server.
NO_ANSWER = {"unavailable", "deadline_exceeded", "resource_exhausted", "unauthenticated", "unknown"}
# Methods that are safe to send twice when a kept-alive connection was closed.
REPEATABLE = {
    "ListRooms",
    "ListParticipants",
    "GetParticipant",
    "CreateRoom",
    "UpdateRoomMetadata",
    "ListEgress",
}
# With these codes LiveKit answers that its egress service is missing or busy.
EGRESS_ANSWERS = {"unavailable", "resource_exhausted"}

T = TypeVar("T")


@asynccontextmanager
async def connect(url: str, api_key: Secret, api_secret: Secret, seconds: float) -> AsyncIterator["Rpc"]:
    """Lend a client with kept-alive connections; call it on the event loop that uses the client."""
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(ssl=http.system_context() or True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, middlewares=(_checked,)) as session:
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

    async def create(self, name: str, metadata: str, agents: Sequence[AgentDispatch] = ()) -> models.Room:
        """Return the open room of this name: as it is, or a new one with this metadata and these agents."""
        dispatches = [api.RoomAgentDispatch(agent_name=each.agent_name, metadata=each.metadata) for each in agents]
        request = api.CreateRoomRequest(name=name, metadata=metadata, agents=dispatches)
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
            raise _unavailable() from refusal

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


async def answer(call: Awaitable[T]) -> T:
    """Return LiveKit's answer; raises LiveKitUnavailable, LiveKitRefused."""
    try:
        return await call
    except (aiohttp.ClientError, TimeoutError, OSError, DecodeError) as error:
        raise LiveKitUnavailable("LiveKit cannot be reached; try again") from error


async def certain(call: Awaitable[T]) -> T:
    """Return LiveKit's answer to a request that it never refuses; a refusal raises LiveKitUnavailable."""
    try:
        return await answer(call)
    except LiveKitRefused as refusal:
        raise _unavailable() from refusal


def _unavailable() -> LiveKitUnavailable:
    return LiveKitUnavailable("LiveKit cannot do this now; try again")


async def _checked(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Return LiveKit's response and log it; raises LiveKitRefused, LiveKitUnavailable."""
    started = time.monotonic()
    outcome: int | str = "cancelled"
    level = logging.WARNING
    try:
        response = await _sent(request, send)
        outcome = response.status
        if outcome == 200 and response.content_type == "application/protobuf":  # noqa: PLR2004
            level = logging.INFO
            return response
        raise _failure(response.status, await response.read(), request.url.path)
    except LiveKitRefused as refusal:
        outcome, level = f"{outcome} {refusal.twirp_code}", logging.INFO
        raise
    except aiohttp.ClientError as error:
        outcome = type(error).__name__
        raise
    finally:
        fields = {"method": request.url.name, "host": request.url.authority, "status": outcome}
        taken = round((time.monotonic() - started) * 1000, 1)
        emit(logger, level, "upstream", **fields, duration_ms=taken)


async def _sent(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send once, or twice when the connection was closed during the request."""
    try:
        return await send(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError) or request.url.name not in REPEATABLE:
            raise
    return await send(request)


def _failure(status: int, body: bytes, path: str) -> LiveKitUnavailable:
    """Return the error for a response other than 200 with protobuf, by status and Twirp code."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return _unavailable()
    fits = status >= 400 and (code == NOT_FOUND) == (status == 404)  # noqa: PLR2004
    no_answer = NO_ANSWER - EGRESS_ANSWERS if "/livekit.Egress/" in path else NO_ANSWER
    return LiveKitRefused(code) if isinstance(code, str) and code not in no_answer and fits else _unavailable()
