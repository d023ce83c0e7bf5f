"""Events for the hooks of a tenant: each hook gets those that it asks for."""

from collections.abc import Callable
from dataclasses import dataclass

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
        for hook in self._receivers(name, tenant, host):
            # An id names one delivery, so a second receiver needs another one.
            own_id = event_id if hook.host == host else f"{event_id}.{hook.host}"
            self.outbox.put(header_safe(own_id), host=hook.host, owner=hook.owner, room=room, body=body)
            self.wake()

    def _receivers(self, name: str, tenant: str | None, host: str) -> list[Hook]:
        hooks = self.hooks.of_tenant(tenant)
        matching = [hook for hook in hooks if hook.host == host] or hooks
        # Several hosts may have one URL, which gets the event once.
        by_url = {hook.url: hook for hook in reversed(matching) if name in hook.events}
        return sorted(by_url.values(), key=lambda hook: hook.host)
