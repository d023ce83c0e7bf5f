"""Rooms of tenants: which caller may see or enter a room, and remove or mute its participants."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.errors import InvalidRequest, StoreUnavailable
from sayna.livekit.errors import (
    LiveKitRefused,
    LiveKitUnavailable,
    MuteFailed,
    ParticipantNotFound,
    RemovalFailed,
    RoomAccessDenied,
    RoomNotFound,
)
from sayna.livekit.model import AgentDispatch, Participant, Room, Track, microphone
from sayna.livekit.ownership import metadata_for, owner_of
from sayna.state.ports import Lock

if TYPE_CHECKING:
    from livekit.protocol import models

    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

# LiveKit lists new metadata a moment after it has answered that it has it: 2 of 180 bursts of calls saw the old one.
LOOK_INTERVAL = 0.05  # seconds
# How long `settle` takes a listed room without an owner for one that has an owner in a moment.
STALE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a caller may do with rooms; raises LiveKitUnavailable without an answer within `seconds`.

    Another tenant's room answers like a missing one, after the same requests to LiveKit.
    """

    bridge: "Bridge[Rpc]"
    locks: Lock
    seconds: float
    room_options: Mapping[str, int]

    def settle(self, caller: Caller, name: str, agents: Sequence[AgentDispatch] = ()) -> None:
        """Claim the room for the caller, and create it with `agents` if it is missing; raises RoomAccessDenied.

        Creating a room with metadata claims it: LiveKit answers with the open room, and its owner decides.
        """
        # Without tenants no claim is needed: LiveKit opens the room when the first participant joins.
        if caller.is_unrestricted:
            return
        limit = time.monotonic() + self.seconds
        # A caller without a tenant may enter rooms without an owner, so it need not wait for one.
        stale_until = 0.0 if caller.tenant is None else time.monotonic() + min(STALE_SECONDS, self.seconds)
        # Look before creating: for a caller that owns the room already this is the only round trip.
        room = self.bridge.run(lambda rpc: owned_room(rpc, name, stale_until), self.seconds)
        if room is None:
            with contextlib.ExitStack() as held:
                self._hold_name(held, name, limit)
                room = self.bridge.run(
                    lambda rpc: _claimed(rpc, caller, name, self.room_options, agents), limit - time.monotonic()
                )
        if not caller.may_access(owner_of(room.metadata)):
            raise RoomAccessDenied("this room_name is taken; send another one")

    def visible(self, caller: Caller) -> list[Room]:
        """Return the caller's open rooms, sorted by name."""
        # LiveKit cannot filter rooms by their metadata.
        rooms = self.bridge.run(lambda rpc: rpc.rooms(), self.seconds)
        visible = (Room.of(room) for room in rooms if caller.may_access(owner_of(room.metadata)))
        return sorted(visible, key=lambda room: room.name)

    def details(self, caller: Caller, name: str) -> tuple[Room, tuple[Participant, ...]]:
        """Return a room and its participants; raises RoomNotFound."""

        async def ask(rpc: "Rpc") -> "tuple[models.Room | None, list[models.ParticipantInfo]]":
            return await asyncio.gather(rpc.room(name), rpc.participants(name))

        room, participants = self.bridge.run(ask, self.seconds)
        if room is None or not caller.may_access(owner_of(room.metadata)):
            raise RoomNotFound("no open room of yours has this name")
        # LiveKit updates its own count later than its list of participants.
        counted = replace(Room.of(room), num_participants=len(participants))
        return counted, tuple(map(Participant.of, participants))

    def remove(self, caller: Caller, name: str, identity: str) -> None:
        """Disconnect a participant, whose token stays valid; raises ParticipantNotFound, RemovalFailed."""

        async def ask(rpc: "Rpc") -> None:
            if not await is_open_to(caller, rpc, name):
                raise ParticipantNotFound
            await rpc.remove(name, identity)

        try:
            self.bridge.run(ask, self.seconds)
        except LiveKitRefused as refusal:
            raise _refused(refusal, RemovalFailed("LiveKit does not remove this participant")) from refusal

    def mute(self, caller: Caller, name: str, identity: str, track_sid: str | None, *, muted: bool) -> tuple[str, bool]:
        """Return the sid of the track and whether it is muted now; without `track_sid` it is the microphone.

        Raises ParticipantNotFound, MuteFailed.
        """

        async def ask(rpc: "Rpc") -> tuple[str, bool]:
            is_open, info = await asyncio.gather(is_open_to(caller, rpc, name), rpc.participant(name, identity))
            # LiveKit answers 200 without a track for an unknown track, and after 3 s for an unknown
            # participant (1.13.5).
            if not is_open or info is None:
                raise ParticipantNotFound
            tracks = tuple(map(Track.of, info.tracks))
            sid = track_sid or microphone(tracks)
            if sid is None or sid not in (track.sid for track in tracks):
                raise ParticipantNotFound
            is_muted = await rpc.mute(name, identity, sid, muted=muted)
            if is_muted is None:
                raise ParticipantNotFound
            return sid, is_muted

        try:
            return self.bridge.run(ask, self.seconds)
        except LiveKitRefused as refusal:
            raise _refused(refusal, _not_muted(refusal, muted=muted)) from refusal

    def _hold_name(self, held: contextlib.ExitStack, name: str, limit: float) -> None:
        """Hold the room's name against all workers; without a lock LiveKit's own claim still decides."""
        try:
            with contextlib.suppress(StoreUnavailable):
                held.enter_context(self.locks.hold(name, limit - time.monotonic()))
        except TimeoutError as error:
            raise LiveKitUnavailable("another request is creating this room; try again") from error


async def _claimed(
    rpc: "Rpc", caller: Caller, name: str, options: Mapping[str, int], agents: Sequence[AgentDispatch]
) -> "models.Room":
    """Return the open room, after it is created for the caller if it is missing."""
    try:
        room = await rpc.create(name, metadata_for(caller.tenant), options, agents)
    except LiveKitRefused as refusal:
        if refusal.twirp_code == "invalid_argument":
            raise InvalidRequest("LiveKit refuses this room_name; send a shorter one") from refusal
        raise
    if not caller.may_access(owner_of(room.metadata)):
        with contextlib.suppress(LiveKitUnavailable):
            await _heal(rpc, room)
    return room


async def _heal(rpc: "Rpc", live: "models.Room") -> None:
    """Correct the owner in LiveKit's list of rooms; the request that lost the room calls this.

    When two machines create one room at the same instant, livekit-server 1.13.5 lists the loser's metadata in
    one of a hundred cases. LiveKit updates the list only when the metadata changes, so a space is added.
    """
    listed = await rpc.room(live.name)
    if listed is not None and owner_of(listed.metadata) != owner_of(live.metadata):
        await rpc.set_metadata(live.name, live.metadata + " ")


async def owned_room(rpc: "Rpc", name: str, until: float) -> "models.Room | None":
    """Return the room once it has an owner, or as it is at `until` (monotonic seconds); None when it is closed."""
    while True:
        room = await rpc.room(name)
        is_over = time.monotonic() + LOOK_INTERVAL >= until
        if room is None or owner_of(room.metadata) is not None or is_over:
            return room
        await asyncio.sleep(LOOK_INTERVAL)


async def is_open_to(caller: Caller, rpc: "Rpc", name: str) -> bool:
    """Return whether the caller may act in the room; an unrestricted caller may act in every room."""
    if caller.is_unrestricted:
        return True
    room = await rpc.room(name)
    return room is not None and caller.may_access(owner_of(room.metadata))


def _refused(refusal: LiveKitRefused, otherwise: Exception) -> Exception:
    # By the code, not the message: "host not found" is an outage, not a missing participant.
    return ParticipantNotFound() if refusal.twirp_code == "not_found" else otherwise


def _not_muted(refusal: LiveKitRefused, *, muted: bool) -> MuteFailed:
    if not muted and refusal.twirp_code == "failed_precondition":
        return MuteFailed("this LiveKit server does not allow unmuting (room.enable_remote_unmute)")
    return MuteFailed("LiveKit does not mute or unmute this track")
