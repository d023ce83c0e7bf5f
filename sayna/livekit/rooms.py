"""Rooms between tenants: who may see one, enter one, and remove or mute whom."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sayna.caller import Caller
from sayna.errors import InvalidRequest
from sayna.livekit.errors import (
    LiveKitRefused,
    LiveKitUnavailable,
    MuteFailed,
    ParticipantNotFound,
    RemovalFailed,
    RoomAccessDenied,
    RoomNotFound,
)
from sayna.livekit.model import Participant, Room
from sayna.livekit.ownership import metadata_for, owner_of
from sayna.log import RateLimitedLogger
from sayna.state.files import exclusive, private_folder

if TYPE_CHECKING:
    from livekit.protocol import models

    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

T = TypeVar("T")
Operation = Callable[["Rpc"], Coroutine[Any, Any, T]]

rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.livekit"))


class Rooms:
    """What a visitor may do with rooms; every answer within `seconds`, or LiveKitUnavailable.

    A room of somebody else answers like one that is not there, by the same questions to LiveKit.
    """

    def __init__(self, bridge: "Bridge[Rpc]", folder: Path, seconds: float) -> None:
        self._bridge = bridge
        self._folder = folder
        self._seconds = seconds

    def settle(self, visitor: Caller, name: str) -> None:
        """Make the room the visitor's, creating it if need be; raises RoomAccessDenied when it cannot be.

        To create with metadata is to claim: LiveKit answers with the room that is open, whoever opened it.
        """
        # Without tenants nothing is to be claimed: LiveKit opens the room when somebody joins.
        if visitor.is_unrestricted:
            return
        limit = time.monotonic() + self._seconds
        # Asked before anything is created: the usual case, a room of one's own, is one round trip.
        room = self._bridge.run(lambda rpc: rpc.room(name), self._seconds)
        if room is None:
            with self._locked(name, limit):
                room = self._bridge.run(_claim(visitor, name), limit - time.monotonic())
        if not visitor.may_access(owner_of(room.metadata)):
            raise RoomAccessDenied("this room cannot be yours; choose another name")

    def visible(self, visitor: Caller) -> list[Room]:
        """Return the visitor's open rooms by name."""
        # LiveKit cannot be asked for rooms by their metadata.
        rooms = map(Room.of, self._bridge.run(lambda rpc: rpc.rooms(), self._seconds))
        return sorted((room for room in rooms if visitor.may_access(room.owner)), key=lambda room: room.name)

    def details(self, visitor: Caller, name: str) -> tuple[Room, tuple[Participant, ...]]:
        """Return a room and who is in it; raises RoomNotFound."""

        async def ask(rpc: "Rpc") -> "tuple[models.Room | None, list[models.ParticipantInfo]]":
            return await asyncio.gather(rpc.room(name), rpc.participants(name))

        room, participants = self._bridge.run(ask, self._seconds)
        if room is None or not visitor.may_access(owner_of(room.metadata)):
            raise RoomNotFound("there is no such room, or it is not yours")
        return Room.of(room), tuple(map(Participant.of, participants))

    def remove(self, visitor: Caller, name: str, identity: str) -> None:
        """Disconnect a participant, whose token stays good; raises ParticipantNotFound, RemovalFailed."""

        async def ask(rpc: "Rpc") -> None:
            if not await is_open_to(visitor, rpc, name):
                raise _nobody()
            await rpc.remove(name, identity)

        try:
            self._bridge.run(ask, self._seconds)
        except LiveKitRefused as refusal:
            raise _refused(refusal, RemovalFailed("LiveKit does not remove this participant")) from refusal

    def mute(self, visitor: Caller, name: str, identity: str, track_sid: str, *, muted: bool) -> bool:
        """Return whether the track is muted now; raises ParticipantNotFound, MuteFailed."""

        async def ask(rpc: "Rpc") -> bool | None:
            is_open, who = await asyncio.gather(is_open_to(visitor, rpc, name), rpc.participant(name, identity))
            # An unknown track LiveKit mutes with 200 and no track, an unknown participant stalls it
            # for 3 s (1.13.5).
            if not is_open or who is None or track_sid not in (track.sid for track in who.tracks):
                return None
            return await rpc.mute(name, identity, track_sid, muted=muted)

        try:
            is_muted = self._bridge.run(ask, self._seconds)
        except LiveKitRefused as refusal:
            raise _refused(refusal, _not_muted(refusal, muted=muted)) from refusal
        if is_muted is None:
            raise _nobody()
        return is_muted

    @contextlib.contextmanager
    def _locked(self, name: str, limit: float) -> Iterator[None]:
        """Hold the room's name against all workers of this machine; LiveKit's own claim holds without it."""
        with contextlib.ExitStack() as held:
            try:
                # 256 files, instead of one for every name that was ever asked for.
                stripe = hashlib.sha256(name.encode()).hexdigest()[:2]
                file = private_folder(self._folder) / f"room-{stripe}.lock"
                held.enter_context(exclusive(file, limit - time.monotonic()))
            except TimeoutError as error:
                raise LiveKitUnavailable("the room is being created by somebody else; try again") from error
            except OSError as error:
                rate_limited_log.warn("rooms are claimed without a lock: %s", error)
            yield


def _claim(visitor: Caller, name: str) -> "Operation[models.Room]":
    """Return the operation that answers with the open room, new or not."""

    async def ask(rpc: "Rpc") -> "models.Room":
        try:
            room = await rpc.create(name, metadata_for(visitor.tenant))
        except LiveKitRefused as refusal:
            if refusal.twirp_code == "invalid_argument":
                raise InvalidRequest("LiveKit does not take this room_name; send a shorter one") from refusal
            raise
        if not visitor.may_access(owner_of(room.metadata)):
            with contextlib.suppress(LiveKitUnavailable):
                await _heal(rpc, room)
        return room

    return ask


async def _heal(rpc: "Rpc", live: "models.Room") -> None:
    """Let LiveKit's list name the owner that the room itself names; called by whoever lost the room.

    When two machines create one room at the same instant, livekit-server 1.13.5 lists the loser's metadata in
    one of a hundred cases. It writes its list anew only when the metadata changes: by a space, here.
    """
    listed = await rpc.room(live.name)
    if listed is not None and owner_of(listed.metadata) != owner_of(live.metadata):
        await rpc.set_metadata(live.name, live.metadata + " ")


async def is_open_to(visitor: Caller, rpc: "Rpc", name: str) -> bool:
    """Return whether the visitor may act in the room; nothing is asked when there is nothing to check."""
    if visitor.is_unrestricted:
        return True
    room = await rpc.room(name)
    return room is not None and visitor.may_access(owner_of(room.metadata))


def _nobody() -> ParticipantNotFound:
    return ParticipantNotFound("there is no such participant or track in a room of yours")


def _refused(refusal: LiveKitRefused, otherwise: Exception) -> Exception:
    # By the code, never by words: "host not found" is an outage, no missing participant.
    return _nobody() if refusal.twirp_code == "not_found" else otherwise


def _not_muted(refusal: LiveKitRefused, *, muted: bool) -> MuteFailed:
    if not muted and refusal.twirp_code == "failed_precondition":
        return MuteFailed("this LiveKit server does not allow unmuting (room.enable_remote_unmute)")
    return MuteFailed("LiveKit does not mute or unmute this track")
