"""The warning that a tenant has used most of its characters, for the hooks that ask for it."""

import dataclasses
from dataclasses import dataclass
from typing import Protocol

from sayna.config.sip_hook import QUOTA_WARNING
from sayna.sip.hook_events import HookEvents, event_body


class Warned(Protocol):
    """What the warning says: characters of a month, and a tenant that is "" for callers without one."""

    @property
    def tenant(self) -> str:
        """The id of the tenant."""

    @property
    def month(self) -> str:
        """The month in UTC, such as 2026-11."""

    @property
    def limit(self) -> int:
        """The cap of the tenant."""

    @property
    def billed(self) -> int:
        """The characters that were billed so far."""


@dataclass(frozen=True, slots=True)
class QuotaEvents:
    """Stores the warning for the hooks of its tenant."""

    events: HookEvents

    def send(self, warning: Warned) -> None:
        """Store the warning; raises Overloaded, StoreUnavailable."""
        tenant = warning.tenant or None
        fields = {"tenant": tenant, "month": warning.month, "limit": warning.limit, "billed": warning.billed}
        # Events of one room are sent one by one, so each tenant has its own.
        room = f"quota of {warning.tenant}"
        event_id = f"quota-{warning.tenant}-{warning.month}-{warning.limit}"
        self.events.send(
            QUOTA_WARNING, event_id, tenant=tenant, host="", room=room, body=event_body(QUOTA_WARNING, "", **fields)
        )
