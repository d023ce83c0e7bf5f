"""Calls out and transfers, from the request to LiveKit."""

import contextlib
import logging
from dataclasses import dataclass

from sayna.caller import Caller
from sayna.config import SipConfig
from sayna.errors import StoreUnavailable
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, RoomAccessDenied
from sayna.livekit.model import Call, Placed, Trunk
from sayna.livekit.rooms import Rooms
from sayna.livekit.sip_client import SipClient
from sayna.log import emit
from sayna.sip.address import Overrides
from sayna.sip.call_request import CallRequest, trunk_of
from sayna.sip.errors import CallFailed, CallOutcomeUnknown, ParticipantExists, SipRoomAccessDenied, TransferFailed
from sayna.sip.idempotency import Answer, IdempotencyRecord, IdempotencyStore
from sayna.sip.limits import Limits
from sayna.sip.phone import CallerNumbers, Destinations, masked

# The contract says two seconds, and the response needs time; a REFER usually takes longer.
TRANSFER_SECONDS = 1.9
NO_SIP_SERVICE = "LiveKit has no free SIP service, so no phone rings; check that LiveKit SIP is running"
UNKNOWN = "LiveKit did not say whether the call has begun; look into the room before you call again"

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class CallService:
    """Dials once for one request, within the limits of the settings."""

    config: SipConfig
    rooms: Rooms
    client: SipClient
    limits: Limits
    idempotency: IdempotencyStore
    transfer_seconds: float = TRANSFER_SECONDS

    def call(self, caller: Caller, request: CallRequest, key: str | None) -> Answer:
        """Return participant_id and sip_call_id of the call that has begun, now or earlier under this key.

        Raises DestinationNotAllowed, FromNumberNotAllowed, OutboundAddressNotConfigured, TooManyCalls,
        SipRoomAccessDenied, ParticipantExists, KeyReused, StoreUnavailable, CallFailed.
        """
        CallerNumbers(self.config.from_numbers).check(caller.tenant, request.call.from_number)
        self._destinations().check(request.call.to_number)
        if request.own.address is not None:
            Overrides(self.config.override_addresses).check(request.own.address)
        trunk = trunk_of(request.own, self.config)
        with self.idempotency.attempt(caller.tenant or "", key, request.identity()) as record:
            if record.answer is None:
                return self._dial(caller, request, trunk, record)
            if "error" in record.answer:
                raise CallFailed(record.answer["error"])
            return record.answer

    def transfer(self, caller: Caller, room: str, identity: str, number: str) -> bool:
        """Return True when the phone was transferred, False when the transfer goes on.

        Raises DestinationNotAllowed, ParticipantNotFound, TransferFailed.
        """
        self._destinations().check(number)
        try:
            done = self.client.transfer(caller, room, identity, f"tel:{number}", self.transfer_seconds)
        except (LiveKitRefused, LiveKitUnavailable) as error:
            raise TransferFailed("LiveKit does not transfer this call") from error
        emit(logger, logging.INFO, "transfer_begun", to=masked(number), done=done)
        return done

    def _destinations(self) -> Destinations:
        return Destinations(self.config.allowed_destinations, self.config.denied_destinations)

    def _dial(self, caller: Caller, request: CallRequest, trunk: Trunk, record: IdempotencyRecord) -> Answer:
        tenant, call = caller.tenant or "", request.call
        call_slot = self.limits.acquire(tenant, call.room, call.identity)
        try:
            # Claim the room before the phone rings, so that no call joins another tenant's room.
            self._claim_room(caller, call.room)
            if not request.replace:
                self._check_absent(call)
            # Store the key before dialling: a process that dies while it dials must leave the key used.
            record.begin()
            placed = self._place(call, trunk, record)
        except CallOutcomeUnknown:
            # The phone may ring: the slot stays taken until LiveKit says who is in the room.
            raise
        except BaseException:
            with contextlib.suppress(StoreUnavailable):
                self.limits.release(tenant, call_slot)
            raise
        # The phone rings: a store that fails now must not turn the answer into an error.
        with contextlib.suppress(StoreUnavailable):
            self.limits.confirm(tenant, call_slot)
        answer = {"participant_id": placed.participant_id, "sip_call_id": placed.sip_call_id}
        _finish(record, answer)
        emit(logger, logging.INFO, "call", to=masked(call.to_number), sip_call_id=placed.sip_call_id)
        return answer

    def _place(self, call: Call, trunk: Trunk, record: IdempotencyRecord) -> Placed:
        try:
            return self.client.dial(call, trunk)
        except LiveKitUnavailable as error:
            if error.may_have_acted:
                _finish(record, {"error": UNKNOWN})
                raise CallOutcomeUnknown(UNKNOWN) from error
            with contextlib.suppress(StoreUnavailable):
                record.cancel()
            raise CallFailed(_why(error)) from error

    def _check_absent(self, call: Call) -> None:
        """Raise ParticipantExists when the identity is in the room: LiveKit would hang up on it."""
        try:
            [is_there] = self.client.present([(call.room, call.identity)])
        except LiveKitUnavailable as error:
            raise CallFailed("LiveKit did not answer who is in the room; no call was placed") from error
        if is_there:
            raise ParticipantExists(
                "this participant_identity is in the room; send another one, or replace: true to disconnect it"
            )

    def _claim_room(self, caller: Caller, room: str) -> None:
        try:
            self.rooms.settle(caller, room)
        except RoomAccessDenied as error:
            raise SipRoomAccessDenied(
                "this room_name belongs to another tenant, or to no tenant; send another one"
            ) from error
        except LiveKitUnavailable as error:
            raise CallFailed("LiveKit did not answer who owns the room; no call was placed") from error


def _why(error: LiveKitUnavailable) -> str:
    if not isinstance(error, LiveKitRefused):
        return f"{error.message}; no call was placed"
    return NO_SIP_SERVICE if error.twirp_code == "unavailable" else "LiveKit refuses this call; no phone rings"


def _finish(record: IdempotencyRecord, answer: Answer) -> None:
    with contextlib.suppress(StoreUnavailable):
        record.finish(answer)
