"""Calls out, from the request to LiveKit."""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sayna.caller import Caller
from sayna.config import SipConfig
from sayna.errors import StoreUnavailable
from sayna.livekit.errors import LiveKitUnavailable, RoomAccessDenied
from sayna.livekit.livekit_client import LiveKit
from sayna.livekit.model import Call, Placed, Trunk
from sayna.log import emit
from sayna.sip.address import Overrides
from sayna.sip.call_log import CallLog, CallRecord, moved
from sayna.sip.call_request import CallRequest, trunk_of
from sayna.sip.errors import (
    CallFailed,
    CallNotPlaced,
    CallOutcomeUnknown,
    NoAnswer,
    ParticipantExists,
    SipRoomAccessDenied,
)
from sayna.sip.idempotency import Answer, IdempotencyRecord, lend_record
from sayna.sip.limits import AnswerWaits, take_slot
from sayna.sip.outcomes import call_error, remembered, replayed
from sayna.sip.phone import check_destination, check_from_number, masked
from sayna.state.embedded import SharedState

IN_ROOM = "this participant_identity is in the room; send another one, or replace: true to disconnect it"

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class _Dial:
    """A call that may be dialled now: all checks are done, its slot is taken, its key is used."""

    tenant: str | None
    call: Call
    trunk: Trunk
    slot: str
    record: IdempotencyRecord


@dataclass(frozen=True, slots=True)
class CallService:
    """Dials once for one request, within the limits of the settings."""

    config: SipConfig
    overrides: Overrides
    livekit: LiveKit
    state: SharedState
    waits: AnswerWaits
    log: CallLog

    def call(self, caller: Caller, request: CallRequest, key: str | None) -> Answer:
        """Return participant_id and sip_call_id of the call that has begun, now or earlier under this key.

        Raises DestinationNotAllowed, FromNumberNotAllowed, OutboundAddressNotConfigured, TooManyCalls, Overloaded,
        SipRoomAccessDenied, ParticipantExists, KeyReused, StoreUnavailable, CallFailed, and CallNotPlaced for a call
        that waits for its answer.
        """
        call = request.call
        check_from_number(self.config, caller.tenant, call.from_number)
        check_destination(self.config, call.to_number)
        if request.own.address is not None:
            self.overrides.check(request.own.address)
        trunk = trunk_of(request.own, self.config)
        with contextlib.ExitStack() as waits, contextlib.ExitStack() as locks:
            if call.wait_until_answered:
                waits.enter_context(self.waits.hold())
            if not request.replace:
                self._hold_identity(call, locks)
            record = lend_record(self.state.call_keys, caller.tenant or "", key, request.identity(), locks)
            if record.answer is not None:
                return replayed(record.answer)
            dial = self._prepared(caller, request, trunk, record)
            # While the phone rings, the locks of other keys and identities must be free.
            return self._dialled(dial, rings=locks.close)

    def _hold_identity(self, call: Call, locks: contextlib.ExitStack) -> None:
        """Hold the identity against other calls: of two at once, the second would hang up on the first."""
        try:
            locks.enter_context(self.state.identities.hold(f"{call.room}\n{call.identity}", 3 * self.livekit.seconds))
        except TimeoutError as error:
            raise StoreUnavailable("a call with this participant_identity is under way", retry_after=1) from error

    def _prepared(self, caller: Caller, request: CallRequest, trunk: Trunk, record: IdempotencyRecord) -> _Dial:
        """Return the call that may be dialled; an error leaves its slot free and its key new."""
        call, tenant = request.call, caller.tenant or ""
        slot = take_slot(self.state.calls, self.livekit.sip, tenant, call)
        try:
            # Claim the room before the phone rings, so that no call joins another tenant's room.
            self._claim_room(caller, call.room)
            if not request.replace:
                self._check_absent(call)
            # Store the key before dialling: a process that dies while it dials must leave the key used.
            record.begin()
        except BaseException:
            self._release(tenant, slot)
            raise
        return _Dial(caller.tenant, call, trunk, slot, record)

    def _dialled(self, dial: _Dial, rings: Callable[[], None]) -> Answer:
        tenant, call = dial.tenant or "", dial.call
        started_at = int(time.time())
        try:
            # Once: a retry could call twice.
            placed = self.livekit.sip.dial(call, dial.trunk, rings)
        except LiveKitUnavailable as error:
            raise self._failed(dial, error, started_at) from error
        except BaseException:
            self._release(tenant, dial.slot)
            raise
        # The phone rings: a store that fails now must not turn the answer into an error.
        with contextlib.suppress(StoreUnavailable):
            self.state.calls.confirm(tenant, dial.slot)
        with contextlib.suppress(StoreUnavailable):
            self._note_begun(dial, placed, started_at)
        status = "answered" if call.wait_until_answered else "initiated"
        answer = {"participant_id": placed.participant_id, "sip_call_id": placed.sip_call_id, "status": status}
        dial.record.finish(answer)
        emit(logger, logging.INFO, "call", to=masked(call.to_number), sip_call_id=placed.sip_call_id, status=status)
        return answer

    def _failed(self, dial: _Dial, cause: LiveKitUnavailable, started_at: int) -> CallFailed:
        """Return the error of a call that did not begin, after its key and slot are settled."""
        error = call_error(cause)
        if isinstance(error, CallOutcomeUnknown):
            # LiveKit may answer with deadline_exceeded, or not at all, when no phone has answered in time.
            if not dial.call.wait_until_answered or self._is_present(dial.call):
                # The phone may ring: the slot stays taken until LiveKit says who is in the room.
                dial.record.finish(remembered(error))
                return error
            error = NoAnswer()
        self._release(dial.tenant or "", dial.slot)
        if isinstance(error, CallNotPlaced):
            dial.record.finish(remembered(error))
            self._note_refused(dial.call, error, started_at)
        else:
            dial.record.cancel()
        return error

    def _is_present(self, call: Call) -> bool:
        try:
            return self.livekit.sip.is_present(call.room, call.identity)
        except LiveKitUnavailable:
            return True

    def _release(self, tenant: str, slot: str) -> None:
        with contextlib.suppress(StoreUnavailable):
            self.state.calls.release(tenant, [slot])

    def _note_begun(self, dial: _Dial, placed: Placed, started_at: int) -> None:
        call = dial.call
        new = CallRecord(placed.sip_call_id, call.room, call.identity, dial.tenant, started_at)
        status = "active" if call.wait_until_answered else "dialing"

        def change(stored: CallRecord | None) -> CallRecord:
            # LiveKit's event may have come before its answer.
            known = replace(stored or new, tenant=dial.tenant, started_at=started_at)
            record = replace(known, from_number=call.from_number, to_number=call.to_number)
            return moved(record, status, int(time.time()))

        self.log.change(placed.sip_call_id, call.room, change)

    def _note_refused(self, call: Call, error: CallNotPlaced, since: int) -> None:
        """Add the reason to the record that LiveKit's events have begun; only here the SIP status is known."""
        status = error.sip_status
        with contextlib.suppress(StoreUnavailable):
            self.log.refused(call.room, call.identity, since, error.word, status)
        emit(logger, logging.INFO, "call_refused", to=masked(call.to_number), reason=error.code, sip_status=status)

    def _check_absent(self, call: Call) -> None:
        """Raise ParticipantExists when the identity is in the room: LiveKit would hang up on it."""
        try:
            is_there = self.livekit.sip.is_present(call.room, call.identity)
        except LiveKitUnavailable as error:
            raise CallFailed("LiveKit did not answer who is in the room; no call was placed") from error
        if is_there:
            raise ParticipantExists(IN_ROOM)

    def _claim_room(self, caller: Caller, room: str) -> None:
        try:
            self.livekit.rooms.settle(caller, room)
        except RoomAccessDenied as error:
            raise SipRoomAccessDenied(
                "this room_name belongs to another tenant, or to no tenant; send another one"
            ) from error
        except LiveKitUnavailable as error:
            raise CallFailed("LiveKit did not answer who owns the room; no call was placed") from error
