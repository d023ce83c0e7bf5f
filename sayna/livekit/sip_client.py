"""Phones in rooms: dialling, transfers, and rooms that inbound calls opened."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.livekit.errors import CallNotAnswered, LiveKitRefused, LiveKitUnavailable, ParticipantNotFound
from sayna.livekit.model import CALL_ID, CALL_STATUS, Call, CallState, Placed, TransferOutcome, Trunk, sip_word
from sayna.livekit.ownership import claimed, owner_of
from sayna.livekit.rooms import LOOK_INTERVAL, is_open_to, owned_room
from sayna.log import emit

if TYPE_CHECKING:
    from livekit.protocol import models

    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc

MARGIN_SECONDS = 0.1
# LiveKit SIP tells a few seconds after `ringing_timeout` that no phone answered.
ANSWER_MARGIN = 5  # seconds
NOT_ANSWERED = ("dialing", "ringing")

TransferEnded = Callable[[str, TransferOutcome], None]

logger = logging.getLogger("sayna.sip")


class SipClient:
    """Asks LiveKit about phones; raises LiveKitUnavailable without an answer within `seconds`."""

    def __init__(self, bridge: "Bridge[Rpc]", seconds: float) -> None:
        self._bridge = bridge
        self._seconds = seconds
        # asyncio keeps only weak references to tasks, so a task without a strong one may disappear.
        self._transfers: set[asyncio.Task[None]] = set()

    def dial(self, call: Call, trunk: Trunk, rings: Callable[[], None]) -> Placed:
        """Begin a call, and wait for its answer if it says so; `may_have_acted` of an error tells whether it may ring.

        `rings` is called when the phone of a call that waits is in its room. Raises LiveKitRefused,
        LiveKitUnavailable.
        """
        seconds = self._seconds + (call.ringing_timeout + ANSWER_MARGIN if call.wait_until_answered else 0)

        async def begin(rpc: "Rpc") -> "asyncio.Task[Placed]":
            task = asyncio.create_task(rpc.dial(call, trunk, seconds))
            try:
                async with asyncio.timeout(self._seconds):
                    while not task.done() and await rpc.participant(call.room, call.identity) is None:
                        await asyncio.wait({task}, timeout=LOOK_INTERVAL)
            except asyncio.CancelledError:
                task.cancel()
                raise
            except (TimeoutError, LiveKitUnavailable):
                # The phone may ring all the same.
                pass
            return task

        async def end(_: "Rpc") -> Placed:
            return await task

        if not call.wait_until_answered:
            return self._bridge.run(lambda rpc: rpc.dial(call, trunk, seconds), seconds)
        task = self._bridge.run(begin, seconds)
        rings()
        return self._bridge.run(end, seconds)

    def transfer(
        self, caller: Caller, room: str, identity: str, uri: str, *, seconds: float, ended: TransferEnded
    ) -> tuple[str, bool]:
        """Return the id of the call and whether its transfer ended within `seconds`; a slower transfer goes on.

        `ended` gets the id and the outcome, in another thread. Raises LiveKitRefused, CallNotAnswered, and
        ParticipantNotFound unless the phone is in a room of the caller.
        """
        limit = time.monotonic() + seconds

        async def ask(rpc: "Rpc") -> tuple[str, bool]:
            is_open, found = await asyncio.gather(is_open_to(caller, rpc, room), rpc.phone(room, identity))
            if not is_open or found is None:
                raise ParticipantNotFound("no room of yours has this phone")
            # LiveKit SIP 1.11.0 would send a REFER before the ACK, which ends the call.
            if found.attributes.get(CALL_STATUS) in NOT_ANSWERED:
                raise CallNotAnswered("the phone still rings; transfer the call after the answer")
            call_id = found.attributes.get(CALL_ID, "")
            # wait_for() would cancel the request while LiveKit's REFER goes on, and the log would miss the
            # outcome. livekit-api raises its own timeout to the ringing time, 32 s.
            task = asyncio.create_task(rpc.transfer(room, identity, uri))
            self._transfers.add(task)
            task.add_done_callback(lambda task: self._transferred(task, call_id, ended))
            await asyncio.wait({task}, timeout=limit - time.monotonic() - MARGIN_SECONDS)
            if task.done():
                task.result()
            return call_id, task.done()

        return self._bridge.run(ask, seconds)

    def is_present(self, room: str, identity: str) -> bool:
        """Return whether a participant is in the room."""
        return self._bridge.run(lambda rpc: rpc.participant(room, identity), self._seconds) is not None

    def call_states(self, phones: Iterable[tuple[str, str]]) -> list[CallState | None]:
        """Return the call of each (room, identity) as LiveKit has it now, None where the room lacks that phone."""

        async def ask(rpc: "Rpc") -> "list[models.ParticipantInfo | None]":
            return await asyncio.gather(*(rpc.phone(room, identity) for room, identity in phones))

        found = self._bridge.run(ask, self._seconds)
        return [None if info is None else CallState.of(info.attributes) for info in found]

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

    def _transferred(self, task: "asyncio.Task[None]", call_id: str, ended: TransferEnded) -> None:
        self._transfers.discard(task)
        error = None if task.cancelled() else task.exception()
        outcome = TransferOutcome("cancelled") if task.cancelled() else transfer_outcome(error)
        level = logging.INFO if outcome.word == "completed" else logging.WARNING
        emit(logger, level, "transfer", outcome=str(outcome), sip_call_id=call_id)
        if call_id and not task.cancelled():
            # The event loop must not wait for a disk.
            asyncio.get_running_loop().run_in_executor(None, ended, call_id, outcome)


def transfer_outcome(error: BaseException | None) -> TransferOutcome:
    """Return how a transfer ended that raised `error`, or that raised nothing."""
    if error is None:
        return TransferOutcome("completed")
    if isinstance(error, LiveKitRefused):
        status = error.sip_status
        return TransferOutcome(error.twirp_code if status is None else sip_word(status), status)
    return TransferOutcome("unavailable" if isinstance(error, LiveKitUnavailable) else type(error).__name__)
