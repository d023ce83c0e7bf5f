"""Phones in rooms: dialling, transfers, and rooms that inbound calls opened."""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, ParticipantNotFound
from sayna.livekit.model import Call, Placed, Trunk
from sayna.livekit.ownership import claimed, owner_of
from sayna.livekit.rooms import is_open_to, owned_room
from sayna.log import emit

if TYPE_CHECKING:
    from livekit.protocol import models

    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

MARGIN_SECONDS = 0.1

logger = logging.getLogger("sayna.sip")


class SipClient:
    """Asks LiveKit about phones; raises LiveKitUnavailable without an answer within `seconds`."""

    def __init__(self, bridge: "Bridge[Rpc]", seconds: float) -> None:
        self._bridge = bridge
        self._seconds = seconds
        # asyncio keeps only weak references to tasks, so a task without a strong one may disappear.
        self._transfers: set[asyncio.Task[None]] = set()

    def dial(self, call: Call, trunk: Trunk) -> Placed:
        """Begin a call; raises LiveKitRefused when nothing rings, LiveKitUnavailable when it may ring."""

        async def ask(rpc: "Rpc") -> Placed:
            from sayna.livekit.sip_rpc import dial  # noqa: PLC0415 - loads livekit-api

            return await dial(rpc, call, trunk)

        return self._bridge.run(ask, self._seconds)

    def transfer(self, caller: Caller, room: str, identity: str, uri: str, seconds: float) -> bool:
        """Return whether the transfer ended within `seconds`; a slower one goes on, and the log has its outcome.

        Raises LiveKitRefused, and ParticipantNotFound unless the phone is in a room of the caller.
        """
        limit = time.monotonic() + seconds

        async def ask(rpc: "Rpc") -> bool:
            from sayna.livekit.sip_rpc import phone, transfer  # noqa: PLC0415

            is_open, found = await asyncio.gather(is_open_to(caller, rpc, room), phone(rpc, room, identity))
            if not is_open or found is None:
                raise ParticipantNotFound("no room of yours has this phone")
            # wait_for() would cancel the request while LiveKit's REFER goes on, and the log would miss the
            # outcome. livekit-api raises its own timeout to the ringing time, 32 s.
            task = asyncio.create_task(transfer(rpc, room, identity, uri))
            self._transfers.add(task)
            await asyncio.wait({task}, timeout=limit - time.monotonic() - MARGIN_SECONDS)
            task.add_done_callback(self._transferred)
            if task.done():
                task.result()
            return task.done()

        return self._bridge.run(ask, seconds)

    def present(self, participants: Iterable[tuple[str, str]]) -> list[bool]:
        """Return for each (room, identity) whether the participant is in the room."""

        async def ask(rpc: "Rpc") -> "list[models.ParticipantInfo | None]":
            return await asyncio.gather(*(rpc.participant(room, identity) for room, identity in participants))

        return [info is not None for info in self._bridge.run(ask, self._seconds)]

    def adopt(self, room: str, tenant: str) -> bool:
        """Give a room without an owner to a tenant; return True when the tenant owns it or the room is closed.

        Raises LiveKitUnavailable when LiveKit does not list the new owner in time.
        """
        limit = time.monotonic() + self._seconds - MARGIN_SECONDS

        async def ask(rpc: "Rpc") -> bool:
            found = await rpc.room(room)
            if found is None or owner_of(found.metadata) == tenant:
                return True
            metadata = claimed(found.metadata, tenant)
            # This tenant must not learn of another tenant's room, even of a call to its own domain.
            if owner_of(found.metadata) is not None or metadata is None:
                return False
            # LiveKit has no compare-and-set for metadata, so read again which write won.
            await rpc.set_metadata(room, metadata)
            found = await owned_room(rpc, room, limit)
            if found is not None and owner_of(found.metadata) is None:
                raise LiveKitUnavailable("LiveKit does not list the room's owner yet; send the event again")
            return found is None or owner_of(found.metadata) == tenant

        return self._bridge.run(ask, self._seconds)

    def _transferred(self, task: "asyncio.Task[None]") -> None:
        self._transfers.discard(task)
        error = None if task.cancelled() else task.exception()
        outcome = "cancelled" if task.cancelled() else "completed" if error is None else _reason(error)
        level = logging.INFO if outcome == "completed" else logging.WARNING
        emit(logger, level, "transfer", outcome=outcome)


def _reason(error: BaseException) -> str:
    if isinstance(error, LiveKitRefused):
        return error.twirp_code
    return "unavailable" if isinstance(error, LiveKitUnavailable) else type(error).__name__
