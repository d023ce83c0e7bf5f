"""Inbound calls, from LiveKit's event to the queue of what their hook is told."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sayna.livekit.webhook import Event, EventParticipant, EventRoom
from sayna.log import emit
from sayna.sip.address import sip_domain
from sayna.sip.hooks import Hook, Hooks
from sayna.sip.outbox import Queue
from sayna.sip.signing import header_safe

X_TO_IP = "sip.h.x-to-ip"
TO = "sip.h.to"
TRUNK = "sip.trunkID"
HEADER = "sip.h."
# SIP headers are the telephone caller's: these bound what one call costs the disk and the hook.
MAX_HEADERS = 100
MAX_TEXT = 1024

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Receives LiveKit's events; `adopt` gives a room to a tenant, `wake` tells that there is work.

    Callers write their own headers, and X-To-IP decides whose call it is: `trunks` are those whose SIP
    servers set or remove it, all when empty.
    """

    room_prefix: str
    trunks: frozenset[str]
    hooks: Hooks
    queue: Queue
    adopt: Callable[[str, str], bool]
    wake: Callable[[], None]

    def __call__(self, event: Event) -> None:
        """Queue a call that came in for a hook; raises Overloaded or LiveKitUnavailable.

        Only who is on the telephone counts: anybody else in a room may have any attributes.
        """
        room, caller = event.room, event.participant
        if event.name != "participant_joined" or room is None or caller is None or caller.kind != "SIP":
            return
        hook, host = self._hook(caller.attributes)
        if hook is None:
            return
        # First the room, then the hook: in the reference a hook heard of calls in another tenant's room.
        if hook.owner is not None and not self.adopt(room.name, hook.owner):
            emit(logger, logging.WARNING, "call_not_forwarded", id=event.id, host=host, reason="room_conflict")
            return
        body = payload(room, caller, host, self.room_prefix)
        event_id = header_safe(event.id)
        self.queue.put(event_id, host=host, owner=hook.owner, room=room.name, body=body)
        self.wake()

    def _hook(self, attributes: Mapping[str, str]) -> tuple[Hook | None, str]:
        trusted = not self.trunks or attributes.get(TRUNK) in self.trunks
        domains = (sip_domain(attributes.get(name, "")) for name in ((X_TO_IP, TO) if trusted else (TO,)))
        host = next((domain for domain in domains if domain), "")
        return (self.hooks.find(host) if host else None), host


def payload(room: EventRoom, caller: EventParticipant, host: str, room_prefix: str) -> str:
    """Return what a hook is told, as compact JSON in ASCII; what the caller sent is cut to a sane size."""
    headers = {
        _text(name.removeprefix(HEADER)): _text(value)
        for name, value in caller.attributes.items()
        if name.startswith(HEADER)
    }
    told = {
        "participant": {
            "name": _text(caller.name), "identity": _text(caller.identity), "sid": _text(caller.sid)
        },
        "room": {"name": _text(room.name), "sid": _text(room.sid)},
        "from_phone_number": _text(caller.attributes.get("sip.phoneNumber", "")),
        "to_phone_number": _text(caller.attributes.get("sip.trunkPhoneNumber", "")),
        "room_prefix": room_prefix,
        "sip_host": host,
        "sip_headers": dict(sorted(headers.items())[:MAX_HEADERS]),
    }  # fmt: skip
    return json.dumps(told, separators=(",", ":"))


def _text(text: str) -> str:
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
