"""Requests and responses of the SIP endpoints."""

from typing import Any

from marshmallow import ValidationError, fields

from sayna.config import TENANT, Secret
from sayna.config.sip_address import PATTERN
from sayna.errors import InvalidRequest
from sayna.livekit.model import Call
from sayna.schemas.base import DocumentationSchema, StrictSchema, StrictString, choice_field, string_field
from sayna.schemas.livekit import CONTROL, PLAIN, REQUIRED, Name
from sayna.sip.address import SipAddress
from sayna.sip.call_request import CallRequest, OwnTrunk
from sayna.sip.hook_store import StoredHook
from sayna.sip.phone import phone_number

MAX_CREDENTIAL = 256
# The limit of one request; Hooks limits how many a tenant may store.
MAX_HOOKS = 1000
CREDENTIAL = {"maxLength": MAX_CREDENTIAL, "pattern": f"^{PLAIN}*$"}


def check_phone(text: str) -> None:
    """Raise ValidationError for a blank text; a text that is no number has its own error."""
    if not text.strip():
        raise ValidationError("must not be blank")


def check_credential(text: str) -> None:
    """Raise ValidationError unless the text is one line of at most 256 characters."""
    if len(text) > MAX_CREDENTIAL or CONTROL.search(text):
        raise ValidationError(f"must have at most {MAX_CREDENTIAL} characters and no control characters")


def check_tenant(text: str) -> None:
    """Raise ValidationError unless the text is a tenant id or blank."""
    if text.strip() and not TENANT.fullmatch(text.strip()):
        raise ValidationError("must be a tenant id: 1 to 128 letters, digits and . _ : @ -, a letter or digit first")


# Not part of the schema, because clients tell INVALID_PHONE_NUMBER from INVALID_REQUEST.
class Phone(StrictString):
    """A telephone number that must be there."""

    def __init__(self) -> None:
        shown = {"pattern": r"^\s*\+?[0-9]{1,32}\s*$", "description": "+, if it is there, and 1-32 digits."}
        super().__init__(required=True, validate=check_phone, error_messages=REQUIRED, metadata=shown)


class OwnTrunkSchema(StrictSchema):
    """The SIP server and user that a request brings."""

    outbound_address = StrictString(
        metadata={
            "pattern": rf"^\s*{PATTERN}\s*$",
            "description": "A host, with or without a port; calls through it never use the server's own SIP user.",
        }
    )
    auth_username = StrictString(validate=check_credential, metadata=CREDENTIAL)
    auth_password = StrictString(validate=check_credential, metadata={**CREDENTIAL, "format": "password"})


class CallSchema(StrictSchema):
    """POST /sip/call."""

    room_name = Name()
    participant_name = Name()
    participant_identity = Name()
    from_phone_number = Phone()
    to_phone_number = Phone()
    sip = fields.Nested(OwnTrunkSchema, error_messages={"type": "must be an object"})


class TransferSchema(StrictSchema):
    """POST /sip/transfer."""

    room_name = Name()
    participant_identity = Name()
    transfer_to = Phone()


class HookSchema(StrictSchema):
    """One hook; only a server without tenants accepts it without auth_id."""

    host = StrictString(
        required=True,
        error_messages=REQUIRED,
        metadata={"description": "The SIP domain of the calls, as in example.com."},
    )
    url = StrictString(
        required=True,
        error_messages=REQUIRED,
        metadata={"description": "Where their events go: https, on the internet, without user name."},
    )
    auth_id = StrictString(
        load_default="",
        validate=check_tenant,
        metadata={
            "pattern": rf"^\s*({TENANT.pattern})?\s*$",
            "description": "The id of your tenant; required with authentication, optional without.",
        },
    )


class HooksSchema(StrictSchema):
    """POST /sip/hooks."""

    hooks = fields.List(fields.Nested(HookSchema), load_default=list)


class HostsSchema(StrictSchema):
    """DELETE /sip/hooks."""

    hosts = fields.List(StrictString(), load_default=list)


CALL = CallSchema()
TRANSFER = TransferSchema()
HOOKS = HooksSchema()
HOSTS = HostsSchema()


def call_request(body: dict[str, Any]) -> CallRequest:
    """Return the call that a body asks for; raises InvalidRequest, InvalidPhoneNumber, InvalidSipAddress."""
    wanted = CALL.parse(body)
    call = Call(
        room=wanted["room_name"],
        identity=wanted["participant_identity"],
        name=wanted["participant_name"],
        from_number=phone_number(wanted["from_phone_number"], "from_phone_number"),
        to_number=phone_number(wanted["to_phone_number"], "to_phone_number"),
    )
    return CallRequest(call, _own_trunk(wanted.get("sip", {})))


def transfer_request(body: dict[str, Any]) -> tuple[str, str, str]:
    """Return room, identity and number; raises InvalidRequest, InvalidPhoneNumber."""
    wanted = TRANSFER.parse(body)
    number = phone_number(wanted["transfer_to"], "transfer_to")
    return wanted["room_name"], wanted["participant_identity"], number


def hooks_request(body: dict[str, Any]) -> list[StoredHook]:
    """Return the hooks to save; raises InvalidRequest."""
    hooks = HOOKS.parse(body)["hooks"]
    if len(hooks) > MAX_HOOKS:
        raise InvalidRequest(f"hooks must have at most {MAX_HOOKS} entries")
    return [StoredHook(hook["host"], hook["url"], hook["auth_id"].strip()) for hook in hooks]


def _own_trunk(wanted: dict[str, str]) -> OwnTrunk:
    address, password = wanted.get("outbound_address"), wanted.get("auth_password")
    return OwnTrunk(
        address=None if address is None else SipAddress.parse(address),
        username=wanted.get("auth_username"),
        password=None if password is None else Secret(password),
    )


class PlacedCallSchema(DocumentationSchema):
    """A call that has started and is not answered yet."""

    status = choice_field("initiated")
    room_name = string_field()
    participant_identity = string_field()
    participant_id = string_field("LiveKit's id of the telephone in the room.")
    sip_call_id = string_field("LiveKit's id of the call.")


class TransferredSchema(DocumentationSchema):
    """A transfer that is completed or initiated."""

    status = choice_field("initiated", "completed")
    room_name = string_field()
    participant_identity = string_field()
    transfer_to = string_field("The number as a URI: `tel:` and its digits.")


class ListedHookSchema(DocumentationSchema):
    """The hook that gets the events of one domain."""

    host = string_field()
    url = string_field()
    auth_id = string_field("Empty when the hook has no owner.")


class HookListSchema(DocumentationSchema):
    """The caller's hooks, sorted by host."""

    hooks = fields.List(fields.Nested(ListedHookSchema))
