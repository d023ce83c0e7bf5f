"""Events for the hooks of a tenant: each hook gets those that it asks for."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sayna.config.sip import QUOTA_WARNING, RECORDING_ENDED
from sayna.errors import Overloaded
from sayna.livekit.events import Event, EventParticipant, EventRoom
from sayna.sip.event_signing import header_safe
from sayna.sip.hook_store import Hook
from sayna.sip.hooks import Hooks
from sayna.state.ports import Outbox

HEADER = "sip.h."
# A phone caller chooses the SIP headers: these limits bound the size of one event.
MAX_HEADERS = 100
MAX_TEXT = 1024

# Notes the end of a recording, and returns its stream_id and tenant; None for an event about something else.
EndedRecording = Callable[[Event], tuple[str, str | None] | None]


@dataclass(frozen=True, slots=True)
class HookEvents:
    """Stores events in the outbox; `wake` starts their delivery."""

    hooks: Hooks
    outbox: Outbox
    wake: Callable[[], None]

    def send(self, name: str, event_id: str, *, tenant: str | None, host: str, room: str, body: str) -> None:
        """Store an event for the hook of its host; for a call without a hook of the tenant's, for all that ask.

        Raises Overloaded, StoreUnavailable.
        """
        full: list[Overloaded] = []
        for hook in self._receivers(name, tenant, host):
            # An id names one delivery, so a second receiver needs another one.
            try:
                self.put(hook, event_id if hook.host == host else f"{event_id}.{hook.host}", room, body)
            except Overloaded as error:
                full.append(error)
        if full:
            raise full[0]

    def recording_ended(self, event: Event, ended: EndedRecording) -> None:
        """Store the end of a recording for its tenant; raises Overloaded, StoreUnavailable, StorageUnavailable."""
        if (found := ended(event)) is None or (report := event.egress) is None:
            return
        stream_id, tenant = found
        fields = {"stream_id": stream_id, "egress_id": report.id, "outcome": report.state.value}
        body = event_body(RECORDING_ENDED, report.room, **fields)
        self.send(RECORDING_ENDED, event.id, tenant=tenant, host="", room=report.room, body=body)

    def warn_quota(self, *, tenant: str, month: str, limit: int, billed: int) -> None:
        """Store for a tenant, "" for no tenant, that most of its characters are used; raises as `send` does."""
        owner = tenant or None
        body = event_body(QUOTA_WARNING, "", tenant=owner, month=month, limit=limit, billed=billed)
        # Events of one room are sent one by one, so each tenant has its own.
        room, event_id = f"quota of {tenant}", f"quota-{tenant}-{month}-{limit}"
        self.send(QUOTA_WARNING, event_id, tenant=owner, host="", room=room, body=body)

    def put(self, hook: Hook, event_id: str, room: str, body: str) -> None:
        """Store an event for one hook; raises Overloaded, StoreUnavailable."""
        # The outbox delivers events of one name one by one: a host that fails must not delay another host.
        lane = f"{hook.host} {room}"
        self.outbox.put(header_safe(event_id), host=hook.host, owner=hook.owner, room=lane, body=body)
        self.wake()

    def _receivers(self, name: str, tenant: str | None, host: str) -> list[Hook]:
        hooks = self.hooks.of_tenant(tenant)
        matching = [hook for hook in hooks if hook.host == host] or hooks
        # Several hosts may have one URL, which gets the event once.
        by_url = {hook.url: hook for hook in reversed(matching) if name in hook.events}
        return sorted(by_url.values(), key=lambda hook: hook.host)


def event_body(name: str, room: str, **fields: object) -> str:
    """Return the body of an event that is not about a call; the members of a call are empty, for the SDKs."""
    nobody = EventParticipant("", "", "", "", {})
    return encoded({"event": name, **call_fields(EventRoom("", room, ""), nobody, "", None), **fields})


def call_fields(room: EventRoom, caller: EventParticipant, host: str, room_prefix: str | None) -> dict[str, object]:
    """Return the members of an event about a call; texts of the phone caller are cut to MAX_TEXT."""
    headers = {
        _text(name.removeprefix(HEADER)): _text(value)
        for name, value in caller.attributes.items()
        if name.startswith(HEADER)
    }
    return {
        "participant": {"name": _text(caller.name), "identity": _text(caller.identity), "sid": _text(caller.sid)},
        "room": {"name": _text(room.name), "sid": _text(room.sid)},
        "from_phone_number": _text(caller.attributes.get("sip.phoneNumber", "")),
        "to_phone_number": _text(caller.attributes.get("sip.trunkPhoneNumber", "")),
        "room_prefix": room_prefix or "",
        "sip_host": host,
        "sip_headers": dict(sorted(headers.items())[:MAX_HEADERS]),
    }


def encoded(body: dict[str, object]) -> str:
    """Return the body of an event as compact JSON in ASCII."""
    return json.dumps(body, separators=(",", ":"))


def _text(text: str) -> str:
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
