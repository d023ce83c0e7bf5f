"""SipClient in rooms: dialled, transferred, and rooms that inbound calls opened."""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, ParticipantNotFound
from sayna.livekit.model import Call, Placed
from sayna.livekit.ownership import claimed, owner_of
from sayna.livekit.rooms import is_open_to
from sayna.log import emit

if TYPE_CHECKING:
    from livekit.protocol import models

    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

MARGIN_SECONDS = 0.1

logger = logging.getLogger("sayna.sip")


class SipClient:
    """What LiveKit does with telephones; it answers within `seconds`, or LiveKitUnavailable is raised."""

    def __init__(self, bridge: "Bridge[Rpc]", seconds: float) -> None:
        self._bridge = bridge
        self._seconds = seconds
        # asyncio itself holds tasks only weakly: one that nobody keeps may vanish.
        self._transfers: set[asyncio.Task[None]] = set()

    def dial(self, call: Call) -> Placed:
        """Begin a call; raises LiveKitRefused when nothing rings, LiveKitUnavailable when nobody knows."""

        async def ask(rpc: "Rpc") -> Placed:
            from sayna.livekit.sip_rpc import dial  # noqa: PLC0415 - comes with livekit-api, which is loaded by now

            return await dial(rpc, call)

        return self._bridge.run(ask, self._seconds)

    def transfer(self, visitor: Caller, room: str, identity: str, uri: str, seconds: float) -> bool:
        """Return whether the far end took the transfer within `seconds`; a slower one goes on and is logged.

        Raises ParticipantNotFound when no such telephone is in a room of the visitor's, or LiveKitRefused.
        """
        limit = time.monotonic() + seconds

        async def ask(rpc: "Rpc") -> bool:
            from sayna.livekit.sip_rpc import telephone, transfer  # noqa: PLC0415

            is_open, found = await asyncio.gather(is_open_to(visitor, rpc, room), telephone(rpc, room, identity))
            if not is_open or found is None:
                raise ParticipantNotFound("there is no such telephone in a room of yours")
            # Not wait_for(): it would drop the request while LiveKit's REFER goes on, and the outcome would
            # never be logged. livekit-api's own time-out does not do either: it is raised to the time that a
            # telephone rings, 32 s.
            task = asyncio.create_task(transfer(rpc, room, identity, uri))
            self._transfers.add(task)
            await asyncio.wait({task}, timeout=limit - time.monotonic() - MARGIN_SECONDS)
            task.add_done_callback(self._transferred)
            if task.done():
                task.result()
            return task.done()

        return self._bridge.run(ask, seconds)

    def present(self, whos: Iterable[tuple[str, str]]) -> list[bool]:
        """Return of each (room, identity) whether it is there."""

        async def ask(rpc: "Rpc") -> "list[models.ParticipantInfo | None]":
            return await asyncio.gather(*(rpc.participant(room, identity) for room, identity in whos))

        return [info is not None for info in self._bridge.run(ask, self._seconds)]

    def adopt(self, room: str, tenant: str) -> bool:
        """Give a room that has no owner to a tenant; return whether the tenant owns it, or it is gone."""

        async def ask(rpc: "Rpc") -> bool:
            found = await rpc.room(room)
            if found is None or owner_of(found.metadata) == tenant:
                return True
            metadata = claimed(found.metadata, tenant)
            # A room of somebody else's is not told of to this tenant, even if the call was meant for it.
            if owner_of(found.metadata) is not None or metadata is None:
                return False
            # LiveKit has no compare-and-set for metadata, so what came of the write is read again.
            await rpc.set_metadata(room, metadata)
            found = await rpc.room(room)
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
