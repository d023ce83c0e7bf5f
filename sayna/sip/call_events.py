"""Calls, from LiveKit's events: an inbound call goes to the hook of its domain, and the ends to hooks that ask."""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sayna.config import SipConfig
from sayna.config.sip import CALL_ENDED, JOINED
from sayna.errors import StoreUnavailable
from sayna.livekit.events import Event, EventParticipant, EventRoom
from sayna.livekit.model import CALL_ID, CallState
from sayna.livekit.ownership import owner_of
from sayna.log import emit
from sayna.sip.address import sip_domain
from sayna.sip.call_log import CallLog, CallRecord, moved
from sayna.sip.hook_events import HookEvents, call_fields, encoded
from sayna.sip.hook_store import Hook

X_TO_IP = "sip.h.x-to-ip"
TO = "sip.h.to"
TRUNK = "sip.trunkID"
LEFT = ("participant_left", "participant_connection_aborted")
# LiveKit's reasons in the words of GET /sip/call. LiveKit SIP 1.11.0 says CLIENT_INITIATED for a hang-up, and also for
# a status of 500 to 599 and a host that DNS does not know.
REASONS = {
    "CLIENT_INITIATED": "hangup",
    "USER_REJECTED": "rejected",
    "USER_UNAVAILABLE": "unavailable",
    "DUPLICATE_IDENTITY": "replaced",
    "PARTICIPANT_REMOVED": "removed",
    "ROOM_DELETED": "room_closed",
    "ROOM_CLOSED": "room_closed",
    "CONNECTION_TIMEOUT": "connection_lost",
    "UNKNOWN_REASON": "ended",
}

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class CallEvents:
    """Receives LiveKit's events about phones; `adopt` gives a room to a tenant.

    X-To-IP decides which hook gets a call, and phone callers can forge it. SIP_X_TO_IP_TRUNKS are the trunks
    whose SIP servers set or remove this header; without the setting all trunks do.
    """

    config: SipConfig
    adopt: Callable[[str, str], bool]
    log: CallLog
    events: HookEvents

    def __call__(self, event: Event) -> None:
        """Store an inbound call for its hook, and note the call.

        Only participants of kind SIP count, because others may set any attributes. Raises Overloaded,
        LiveKitUnavailable, StoreUnavailable.
        """
        room, phone = event.room, event.participant
        if room is None or phone is None or phone.kind != "SIP":
            return
        if event.name == "participant_joined":
            self._forward(event, room, phone)
        if not phone.attributes.get(CALL_ID):
            return
        if event.name == "participant_joined":
            self._joined(event, room, phone)
        elif event.name in LEFT:
            self._left(event, room, phone)

    def _forward(self, event: Event, room: EventRoom, phone: EventParticipant) -> None:
        hook, host = self._hook_of(phone.attributes)
        if hook is None:
            # Without a domain it is a call that goes out.
            if host:
                emit(logger, logging.WARNING, "call_without_hook", host=host, id=event.id)
            return
        # Give the room away before the event: a hook must not get events of another tenant's room.
        if hook.owner is not None and not self.adopt(room.name, hook.owner):
            emit(logger, logging.WARNING, "call_not_forwarded", id=event.id, host=host, reason="room_conflict")
            return
        if JOINED in hook.events:
            body = encoded(call_fields(room, phone, host, self.config.room_prefix))
            self.events.put(hook, event.id, room.name, body)

    def _hook_of(self, attributes: Mapping[str, str]) -> tuple[Hook | None, str]:
        """Return the hook of a call that comes in, if any, and the domain that was called, or an empty text."""
        trunks = self.config.x_to_ip_trunks
        trusted = not trunks or attributes.get(TRUNK) in trunks
        domains = (sip_domain(attributes.get(name, "")) for name in ((X_TO_IP, TO) if trusted else (TO,)))
        host = next((domain for domain in domains if domain), "")
        return (self.events.hooks.find(host) if host else None), host

    def _joined(self, event: Event, room: EventRoom, phone: EventParticipant) -> None:
        state = CallState.of(phone.attributes)

        def change(stored: CallRecord | None) -> CallRecord:
            record = stored or self._record(event, room, phone)
            return moved(record, state.status, self._time(event, phone, record.started_at))

        # Never refuse an event for this: the hook would get the call again and again.
        with contextlib.suppress(StoreUnavailable):
            self.log.change(state.sip_call_id, room.name, change)

    def _left(self, event: Event, room: EventRoom, phone: EventParticipant) -> None:
        state = CallState.of(phone.attributes)
        record = self.log.get(state.sip_call_id) or self._record(event, room, phone)
        # An event that comes again must not send another call_ended.
        if record.is_over:
            return
        reason = record.reason if record.sip_status else None
        reason = reason or REASONS.get(phone.disconnect_reason, phone.disconnect_reason.lower())
        ended_at = record.ended_at or self._time(event, phone, record.started_at)
        ended = replace(record, status="ended", reason=reason, ended_at=ended_at)
        # Store the event before the end: when it cannot be stored, LiveKit sends its own event again.
        body = self._body(ended, room, phone)
        self.events.send(CALL_ENDED, event.id, tenant=ended.tenant, host=ended.host, room=room.name, body=body)
        self.log.change(state.sip_call_id, room.name, lambda stored: _ended(stored or ended, ended))
        fields = {"sip_call_id": ended.sip_call_id, "reason": reason, "sip_status": ended.sip_status}
        emit(logger, logging.INFO, CALL_ENDED, **fields, duration_seconds=ended.duration_seconds, tenant=ended.tenant)

    def _record(self, event: Event, room: EventRoom, phone: EventParticipant) -> CallRecord:
        """Return the record of a call that LiveKit tells of first."""
        hook, host = self._hook_of(phone.attributes)
        owner = owner_of(room.metadata)
        numbers = [phone.attributes.get(name, "") for name in ("sip.phoneNumber", "sip.trunkPhoneNumber")]
        # The first is the far end's number; only a call that comes in has a domain.
        from_number, to_number = numbers if host else reversed(numbers)
        return CallRecord(
            sip_call_id=phone.attributes[CALL_ID],
            room_name=room.name,
            participant_identity=phone.identity,
            # The event has the room's metadata from before it was given to the hook's tenant.
            tenant=owner if owner is not None or hook is None else hook.owner,
            started_at=phone.joined_at or event.created_at or int(time.time()),
            from_number=from_number,
            to_number=to_number,
            host=host,
        )

    def _time(self, event: Event, phone: EventParticipant, started_at: int) -> int:
        """Return the time of an event by the clock of `started_at`: LiveKit's clock may differ from this server's."""
        if not event.created_at or not phone.joined_at:
            return event.created_at or int(time.time())
        return started_at + event.created_at - phone.joined_at

    def _body(self, record: CallRecord, room: EventRoom, phone: EventParticipant) -> str:
        """Return the event: the fields of an inbound call, so that the SDKs read it, and those of its end."""
        told = record.public()
        fields = call_fields(room, phone, record.host, self.config.room_prefix)
        numbers = {"from_phone_number": record.from_number, "to_phone_number": record.to_number}
        ends = {name: told[name] for name in told if name not in ("room_name", "participant_identity", "status")}
        return encoded({"event": CALL_ENDED, **fields, **numbers, **ends})


def _ended(stored: CallRecord, ended: CallRecord) -> CallRecord:
    """Return the stored record with its end; what another worker has stored meanwhile stays."""
    reason = stored.reason if stored.sip_status else ended.reason
    return replace(stored, status="ended", reason=reason, ended_at=ended.ended_at)
