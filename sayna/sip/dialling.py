"""Calls out and transfers, from the request to LiveKit."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from sayna.caller import Caller
from sayna.config import SipConfig
from sayna.errors import StoreUnavailable
from sayna.livekit.calls import SipClient
from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable, RoomAccessDenied
from sayna.livekit.model import Call, Placed
from sayna.livekit.rooms import Rooms
from sayna.log import emit
from sayna.sip.address import Overrides
from sayna.sip.call_request import CallRequest, Trunk
from sayna.sip.errors import CallFailed, SipRoomAccessDenied, TransferFailed
from sayna.sip.idempotency import Answer, IdempotencyRecord, IdempotencyStore
from sayna.sip.limits import Limits
from sayna.sip.phone import CallerNumbers, Destinations, masked

# The contract says two, and the answer has its way to go; a REFER usually takes longer.
TRANSFER_SECONDS = 1.9
UNKNOWN = "LiveKit did not say whether the call has begun; look into the room before you call again"

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class CallService:
    """Dials once for one request, within the limits of the settings."""

    config: SipConfig
    rooms: Rooms
    telephones: SipClient
    limits: Limits
    once: IdempotencyStore

    def call(self, visitor: Caller, wanted: CallRequest, key: str | None) -> Answer:
        """Return participant_id and sip_call_id of the call that has begun, now or earlier under this key.

        Raises DestinationNotAllowed, FromNumberNotAllowed, OutboundAddressNotConfigured, TooManyCalls,
        SipRoomAccessDenied, KeyReused, StoreUnavailable, CallFailed.
        """
        CallerNumbers(self.config.from_numbers).check(visitor.tenant, wanted.from_number)
        self._destinations().check(wanted.to_number)
        if wanted.own.address is not None:
            Overrides(self.config.override_addresses).check(wanted.own.address)
        trunk = Trunk.of(wanted.own, self.config)
        tenant = visitor.tenant or ""
        if key is None:
            return self._dial(visitor, wanted, trunk, None)
        with self.once.attempt(tenant, key, wanted.facts()) as attempt:
            if attempt.answer is None:
                return self._dial(visitor, wanted, trunk, attempt)
            if "error" in attempt.answer:
                raise CallFailed(attempt.answer["error"])
            return attempt.answer

    def transfer(self, visitor: Caller, room: str, identity: str, number: str) -> bool:
        """Return whether the telephone was transferred by now, else it is under way.

        Raises DestinationNotAllowed, ParticipantNotFound, TransferFailed.
        """
        self._destinations().check(number)
        try:
            done = self.telephones.transfer(visitor, room, identity, f"tel:{number}", TRANSFER_SECONDS)
        except (LiveKitRefused, LiveKitUnavailable) as error:
            raise TransferFailed("LiveKit does not transfer this call") from error
        emit(logger, logging.INFO, "transfer_begun", to=masked(number), done=done)
        return done

    def _destinations(self) -> Destinations:
        return Destinations(self.config.allowed_destinations, self.config.denied_destinations)

    def _dial(self, visitor: Caller, wanted: CallRequest, trunk: Trunk, attempt: IdempotencyRecord | None) -> Answer:
        line = self.limits.take(visitor.tenant or "", wanted.room, wanted.identity)
        with self._line_freed_on_error(line):
            # Before anything rings: in the reference a conflict was noticed when the call was
            # in the other's room.
            self._settle(visitor, wanted.room)
            if attempt is not None:
                # Noted first: a process that dies while it dials must not leave the key unused.
                attempt.begin()
            call = Call(
                wanted.room, wanted.identity, wanted.name, wanted.from_number, wanted.to_number,
                trunk.address, trunk.username, trunk.password,
            )  # fmt: skip
            try:
                placed = self.telephones.dial(call)
            except LiveKitRefused as error:
                raise _failed(attempt, "LiveKit does not begin this call") from error
            except LiveKitUnavailable as error:
                failure = _failed(attempt, UNKNOWN)
                # It may ring: the line stays taken until LiveKit says who is in the room.
                failure.outcome_unknown = True
                raise failure from error
        return self._placed(wanted, placed, line, attempt)

    def _placed(self, wanted: CallRequest, placed: Placed, line: str, attempt: IdempotencyRecord | None) -> Answer:
        answer = {"participant_id": placed.participant_id, "sip_call_id": placed.sip_call_id}
        # The telephone rings: what cannot be written down now must not become an error.
        with contextlib.suppress(StoreUnavailable):
            self.limits.placed(line)
        _keep(attempt, answer)
        emit(logger, logging.INFO, "call", to=masked(wanted.to_number), sip_call_id=placed.sip_call_id)
        return answer

    def _settle(self, visitor: Caller, room: str) -> None:
        try:
            self.rooms.settle(visitor, room)
        except RoomAccessDenied as error:
            raise SipRoomAccessDenied("there is no such room, or it is not yours") from error
        except LiveKitUnavailable as error:
            raise CallFailed("LiveKit cannot be asked for the room; nothing was dialled") from error

    @contextlib.contextmanager
    def _line_freed_on_error(self, line: str) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if not getattr(error, "outcome_unknown", False):
                with contextlib.suppress(StoreUnavailable):
                    self.limits.release(line)
            raise


def _failed(attempt: IdempotencyRecord | None, sentence: str) -> CallFailed:
    _keep(attempt, {"error": sentence})
    return CallFailed(sentence)


def _keep(attempt: IdempotencyRecord | None, answer: Answer) -> None:
    with contextlib.suppress(StoreUnavailable):
        if attempt is not None:
            attempt.end(answer)
