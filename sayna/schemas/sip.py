"""Requests of the SIP endpoints: calls, transfers, and the hooks of SIP domains."""

import re
from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.config import TENANT, Secret
from sayna.config.sip import DEFAULT_EVENTS, EVENTS, hook_events
from sayna.config.sip_address import TRANSPORTS
from sayna.errors import InvalidRequest
from sayna.livekit.model import Call
from sayna.schemas.base import StrictBoolean, StrictDict, StrictInteger, StrictSchema, StrictString
from sayna.schemas.livekit import CONTROL, Name
from sayna.sip.address import sip_address
from sayna.sip.call_request import CallRequest, OwnTrunk
from sayna.sip.hook_store import Hook
from sayna.sip.phone import TransferTarget, phone_number

MAX_DISPLAY_NAME = 64
MAX_HEADERS = 20
HEADER = re.compile("X-[A-Za-z0-9-]{1,64}")
HEADER_VALUE = re.compile("[ -~]{1,256}")
DTMF = re.compile(r"[0-9A-D*#w]{1,64}\Z")

MAX_CREDENTIAL = 256
# LiveKit waits at most 80 s for an answer.
MAX_RINGING = 80
MAX_DURATION = 86400
# The limit of one request; Hooks limits how many a tenant may store.
MAX_HOOKS = 1000


def one_line(longest: int) -> Callable[[str], None]:
    """Return a check that raises ValidationError unless a text is one line of at most `longest` characters."""

    def check(text: str) -> None:
        if len(text) > longest or CONTROL.search(text):
            raise ValidationError(f"must have at most {longest} characters and no control characters")

    return check


def check_headers(headers: dict[str, Any]) -> None:
    """Raise ValidationError unless the headers begin with X- and have short visible values."""
    if len(headers) > MAX_HEADERS or not all(map(HEADER.fullmatch, headers)):
        raise ValidationError(f"must have at most {MAX_HEADERS} names, each X- and 1 to 64 letters, digits and -")
    if not all(type(value) is str and HEADER_VALUE.fullmatch(value) for value in headers.values()):
        raise ValidationError("must have values of 1 to 256 printable ASCII characters")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValidationError("must name each header once")


def check_phone(text: str) -> None:
    """Raise ValidationError for a blank text; a wrong number is INVALID_PHONE_NUMBER, which the schema cannot raise."""
    if not text.strip():
        raise ValidationError("must not be blank")


class OwnTrunkSchema(StrictSchema):
    """The SIP server and user that a request brings."""

    outbound_address = StrictString()
    auth_username = StrictString(validate=one_line(MAX_CREDENTIAL))
    auth_password = StrictString(validate=one_line(MAX_CREDENTIAL))
    transport = StrictString(validate=validate.OneOf(TRANSPORTS))
    from_name = StrictString(validate=one_line(MAX_DISPLAY_NAME))
    headers = StrictDict(validate=check_headers)
    dtmf = StrictString(validate=validate.Regexp(DTMF, error="must be 1 to 64 of the keys 0-9, A-D, *, # and w"))


def _seconds(highest: int) -> StrictInteger:
    return StrictInteger(validate=validate.Range(1, highest, error=f"must be 1 to {highest}"))


class CallSchema(StrictSchema):
    """POST /sip/call."""

    room_name = Name()
    participant_name = Name()
    participant_identity = Name()
    from_phone_number = StrictString(required=True, validate=check_phone)
    to_phone_number = StrictString(required=True, validate=check_phone)
    sip = fields.Nested(OwnTrunkSchema)
    ringing_timeout = _seconds(MAX_RINGING)
    max_call_duration = _seconds(MAX_DURATION)
    wait_until_answered = StrictBoolean(load_default=False)
    replace = StrictBoolean(load_default=False)


class TransferSchema(StrictSchema):
    """POST /sip/transfer."""

    room_name = Name()
    participant_identity = Name()
    transfer_to = StrictString(required=True, validate=check_phone)


CALL = CallSchema()
TRANSFER = TransferSchema()


def call_request(body: dict[str, Any]) -> CallRequest:
    """Return the call that a body asks for; raises InvalidRequest, InvalidPhoneNumber, InvalidSipAddress."""
    wanted = CALL.parse(body)
    own, times = wanted.get("sip", {}), {"ringing_timeout": "ringing_timeout", "max_duration": "max_call_duration"}
    call = Call(
        room=wanted["room_name"],
        identity=wanted["participant_identity"],
        name=wanted["participant_name"],
        from_number=phone_number(wanted["from_phone_number"], "from_phone_number"),
        to_number=phone_number(wanted["to_phone_number"], "to_phone_number"),
        wait_until_answered=wanted["wait_until_answered"],
        **{name: own[name] for name in ("from_name", "headers", "dtmf") if name in own},
        **{option: wanted[name] for option, name in times.items() if name in wanted},
    )
    return CallRequest(call, _own_trunk(own), wanted["replace"])


def transfer_request(body: dict[str, Any]) -> tuple[str, str, TransferTarget]:
    """Return room, identity and target; raises InvalidRequest, InvalidPhoneNumber, InvalidSipAddress."""
    wanted = TRANSFER.parse(body)
    target = TransferTarget.parse(wanted["transfer_to"], "transfer_to")
    return wanted["room_name"], wanted["participant_identity"], target


def _own_trunk(wanted: dict[str, Any]) -> OwnTrunk:
    address, password = wanted.get("outbound_address"), wanted.get("auth_password")
    return OwnTrunk(
        address=None if address is None else sip_address(address, "sip.outbound_address"),
        username=wanted.get("auth_username"),
        password=None if password is None else Secret(password),
        transport=wanted.get("transport"),
    )


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
