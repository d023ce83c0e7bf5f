"""Requests and responses of the hooks of SIP domains."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.config import TENANT
from sayna.config.sip import DEFAULT_EVENTS, EVENTS, hook_events
from sayna.errors import InvalidRequest
from sayna.schemas.base import StrictSchema, StrictString
from sayna.sip.hook_store import Hook

# The limit of one request; Hooks limits how many a tenant may store.
MAX_HOOKS = 1000


def check_tenant(text: str) -> None:
    """Raise ValidationError unless the text is a tenant id or blank."""
    if text.strip() and not TENANT.fullmatch(text.strip()):
        raise ValidationError("must be a tenant id: 1 to 128 letters, digits and . _ : @ -, a letter or digit first")


class HookSchema(StrictSchema):
    """One hook; only a server without tenants accepts it without auth_id."""

    host = StrictString(required=True)
    url = StrictString(required=True)
    auth_id = StrictString(load_default="", validate=check_tenant)
    events = fields.List(
        StrictString(validate=validate.OneOf(EVENTS)),
        validate=validate.Length(min=1, error="must name at least one event"),
        load_default=lambda: list(DEFAULT_EVENTS),
    )


class HooksSchema(StrictSchema):
    """POST /sip/hooks."""

    hooks = fields.List(fields.Nested(HookSchema), load_default=list)


class HostsSchema(StrictSchema):
    """DELETE /sip/hooks."""

    hosts = fields.List(StrictString(), load_default=list)


HOOKS = HooksSchema()
HOSTS = HostsSchema()


def hooks_request(body: dict[str, Any]) -> list[Hook]:
    """Return the hooks to save; raises InvalidRequest."""
    hooks = HOOKS.parse(body)["hooks"]
    if len(hooks) > MAX_HOOKS:
        raise InvalidRequest(f"hooks must have at most {MAX_HOOKS} entries")
    return [
        Hook(hook["host"], hook["url"], hook["auth_id"].strip() or None, hook_events(hook["events"])) for hook in hooks
    ]
