"""Inbound calls: from LiveKit's event to the outbox of signed events for hooks."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sayna.config import SipConfig
from sayna.config.sip import JOINED
from sayna.livekit.events import Event
from sayna.log import emit
from sayna.sip.address import sip_domain
from sayna.sip.hook_events import HookEvents, call_fields, encoded
from sayna.sip.hooks import Hook

X_TO_IP = "sip.h.x-to-ip"
TO = "sip.h.to"
TRUNK = "sip.trunkID"

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Receives LiveKit's events; `adopt` gives a room to a tenant.

    X-To-IP decides which hook gets a call, and phone callers can forge it. SIP_X_TO_IP_TRUNKS are the trunks
    whose SIP servers set or remove this header; without the setting all trunks do.
    """

    config: SipConfig
    events: HookEvents
    adopt: Callable[[str, str], bool]

    def __call__(self, event: Event) -> None:
        """Store an inbound call for its hook; raises Overloaded or LiveKitUnavailable.

        Only participants of kind SIP count, because others may set any attributes.
        """
        room, caller = event.room, event.participant
        if event.name != "participant_joined" or room is None or caller is None or caller.kind != "SIP":
            return
        hook, host = self.hook_of(caller.attributes)
        if hook is None:
            # Without a domain it is a call that goes out.
            if host:
                emit(logger, logging.WARNING, "call_without_hook", host=host, id=event.id)
            return
        # Give the room away before the event: a hook must not get events of another tenant's room.
        if hook.owner is not None and not self.adopt(room.name, hook.owner):
            emit(logger, logging.WARNING, "call_not_forwarded", id=event.id, host=host, reason="room_conflict")
            return
        if JOINED not in hook.events:
            return
        self.events.put(hook, event.id, room.name, encoded(call_fields(room, caller, host, self.config.room_prefix)))

    def hook_of(self, attributes: Mapping[str, str]) -> tuple[Hook | None, str]:
        """Return the hook of a call that comes in, if any, and the domain that was called, or an empty text."""
        trunks = self.config.x_to_ip_trunks
        trusted = not trunks or attributes.get(TRUNK) in trunks
        domains = (sip_domain(attributes.get(name, "")) for name in ((X_TO_IP, TO) if trusted else (TO,)))
        host = next((domain for domain in domains if domain), "")
        return (self.events.hooks.find(host) if host else None), host
