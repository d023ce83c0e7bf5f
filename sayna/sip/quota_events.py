"""The warning that a tenant has used most of its characters, for the hooks that ask for it."""

from sayna.config.sip_hook import QUOTA_WARNING
from sayna.sip.hook_events import HookEvents, event_body


def send_quota_warning(events: HookEvents, *, tenant: str, month: str, limit: int, billed: int) -> None:
    """Store the warning for the hooks of a tenant, "" for no tenant; raises Overloaded, StoreUnavailable."""
    owner = tenant or None
    body = event_body(QUOTA_WARNING, "", tenant=owner, month=month, limit=limit, billed=billed)
    # Events of one room are sent one by one, so each tenant has its own.
    room, event_id = f"quota of {tenant}", f"quota-{tenant}-{month}-{limit}"
    events.send(QUOTA_WARNING, event_id, tenant=owner, host="", room=room, body=body)
