"""What is known of each call of the last 24 hours: for its tenant, over all workers."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sayna.caller import Caller
from sayna.livekit.model import CallState
from sayna.livekit.sip_client import SipClient
from sayna.sip.errors import CallNotFound
from sayna.state.ports import Records

MAX_LISTED = 200
# LiveKit's clock may differ by the leeway of its tokens.
CLOCK_SECONDS = 60
# After this time a transfer has ended: the far end may ring for 30 s.
TRANSFER_SECONDS = 60
STATUSES = ("dialing", "ringing", "active", "ended")
# The reason of a call that is gone, until LiveKit's event tells another one.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call; times are in seconds since the epoch, and None means that the time is not known or not reached.

    `answered_at` is when this server learned of the answer. `transfer` is the last transfer of the call.
    """

    sip_call_id: str
    room_name: str
    participant_identity: str
    tenant: str | None
    started_at: int
    status: str = "dialing"
    reason: str | None = None
    sip_status: int | None = None
    answered_at: int | None = None
    ended_at: int | None = None
    transfer: dict[str, Any] | None = None
    from_number: str = ""
    to_number: str = ""
    host: str = ""

    @property
    def duration_seconds(self) -> int | None:
        """The time from the answer to the end; from the start where no answer is known."""
        return None if self.ended_at is None else max(0, self.ended_at - (self.answered_at or self.started_at))

    @property
    def is_over(self) -> bool:
        """Whether the end is known, and its reason."""
        return self.ended_at is not None and self.reason != UNKNOWN

    def public(self) -> dict[str, Any]:
        """Return what the call's tenant may know now."""
        names = ("sip_call_id", "room_name", "participant_identity", "status", "reason", "sip_status", "started_at")
        told = {name: getattr(self, name) for name in (*names, "answered_at", "ended_at")}
        now, transfer = time.time(), self.transfer and dict(self.transfer)
        # The process that began the transfer has died without its outcome.
        if transfer and now - transfer.pop("requested") > TRANSFER_SECONDS and transfer["status"] == "initiated":
            transfer["reason"] = UNKNOWN
        return {**told, "duration_seconds": self.duration_seconds, "transfer": transfer}


Change = Callable[[CallRecord | None], CallRecord | None]


@dataclass(frozen=True, slots=True)
class CallLog:
    """Records of calls; a call that is not over is as LiveKit has it when it is read."""

    records: Records
    client: SipClient

    def get(self, sip_call_id: str) -> CallRecord | None:
        """Return the stored record; raises StoreUnavailable."""
        return _decoded(self.records.get(sip_call_id))

    def change(self, sip_call_id: str, room: str, change: Change) -> None:
        """Replace a record by what `change` returns; None leaves it as it is. Raises StoreUnavailable."""

        def changed(text: str | None) -> str | None:
            record = change(_decoded(text))
            return None if record is None else json.dumps(asdict(record))

        self.records.change(sip_call_id, room, changed)

    def find(self, caller: Caller, sip_call_id: str) -> dict[str, Any]:
        """Return a call of the caller as it is now; raises CallNotFound, LiveKitUnavailable, StoreUnavailable."""
        record = self.get(sip_call_id)
        if record is None or not caller.may_access(record.tenant):
            raise CallNotFound("no call of yours of the last 24 hours has this sip_call_id")
        return self._current([record])[0]

    def in_room(self, caller: Caller, room: str) -> list[dict[str, Any]]:
        """Return the caller's calls in a room as they are now, the newest first, at most 200.

        Raises LiveKitUnavailable, StoreUnavailable.
        """
        found = map(_decoded, self.records.members(room, MAX_LISTED))
        return self._current([each for each in found if each is not None and caller.may_access(each.tenant)])

    def refused(self, room: str, identity: str, since: int, reason: str, sip_status: int | None) -> None:
        """Add why the call of an identity that began at `since` or later was refused; raises StoreUnavailable."""
        records = (_decoded(text) for text in self.records.members(room, MAX_LISTED))
        newest = next((each for each in records if each is not None and each.participant_identity == identity), None)
        # One that has a status is an earlier call, which was refused too.
        if newest is not None and newest.sip_status is None and newest.started_at >= since - CLOCK_SECONDS:

            def with_reason(stored: CallRecord | None) -> CallRecord | None:
                return stored and replace(stored, reason=reason, sip_status=sip_status)

            self.change(newest.sip_call_id, room, with_reason)

    def _current(self, records: list[CallRecord]) -> list[dict[str, Any]]:
        """Return the calls after a look at LiveKit for those that are not over; what changed is stored."""
        pending = [record for record in records if record.ended_at is None]
        phones = [(record.room_name, record.participant_identity) for record in pending]
        states = self.client.call_states(phones) if phones else []
        current = {each.sip_call_id: self._refreshed(each, now) for each, now in zip(pending, states, strict=True)}
        return [current.get(each.sip_call_id, each).public() for each in records]

    def _refreshed(self, record: CallRecord, state: CallState | None) -> CallRecord:
        # A participant of another call has replaced this one.
        if state is not None and state.sip_call_id not in ("", record.sip_call_id):
            state = None
        current = moved(record, state.status if state else "ended", int(time.time()))
        if current != record:
            self.change(record.sip_call_id, record.room_name, lambda stored: current if stored == record else None)
        return current


def moved(record: CallRecord, status: str, now: int) -> CallRecord:
    """Return the record of a call that has this status at `now`; an event that is late changes nothing."""
    if STATUSES.index(status) <= STATUSES.index(record.status):
        return record
    if status == "ended":
        return replace(record, status=status, reason=UNKNOWN, ended_at=now)
    return replace(record, status=status, answered_at=now if status == "active" else None)


def _decoded(text: str | None) -> CallRecord | None:
    return None if text is None else CallRecord(**json.loads(text))
