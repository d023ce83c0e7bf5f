"""Events for the hooks of a tenant: each hook gets those that it asks for."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sayna.errors import Overloaded
from sayna.sip.event_signing import header_safe
from sayna.sip.hooks import Hook, Hooks
from sayna.state.ports import Outbox


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
    """Return the body of an event that is not about a call, as compact JSON.

    The members of an inbound call are there and empty, so that the SDKs' receivers read the event.
    """
    body = {
        "event": name,
        "participant": {"name": "", "identity": "", "sid": ""},
        "room": {"name": room, "sid": ""},
        **dict.fromkeys(("from_phone_number", "to_phone_number", "room_prefix", "sip_host"), ""),
        "sip_headers": {},
        **fields,
    }
    return json.dumps(body, separators=(",", ":"))
