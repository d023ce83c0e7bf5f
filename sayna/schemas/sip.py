"""Requests and responses of the SIP endpoints."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.config import Secret
from sayna.config.sip_address import PATTERN, TRANSPORTS
from sayna.livekit.model import Call
from sayna.schemas.base import (
    StrictBoolean,
    StrictDict,
    StrictInteger,
    StrictSchema,
    StrictString,
)
from sayna.schemas.call_options import (
    DTMF,
    HEADER,
    HEADER_VALUE,
    MAX_DISPLAY_NAME,
    MAX_HEADERS,
    check_display_name,
    check_dtmf,
    check_headers,
    check_line,
)
from sayna.schemas.livekit import PLAIN, Name
from sayna.sip.address import sip_address
from sayna.sip.call_request import CallRequest, OwnTrunk
from sayna.sip.phone import TransferTarget, phone_number

MAX_CREDENTIAL = 256
# LiveKit waits at most 80 s for an answer.
MAX_RINGING = 80
MAX_DURATION = 86400
CREDENTIAL = {"maxLength": MAX_CREDENTIAL, "pattern": f"^{PLAIN}*$"}


def check_phone(text: str) -> None:
    """Raise ValidationError for a blank text; a text that is no number has its own error."""
    if not text.strip():
        raise ValidationError("must not be blank")


def check_credential(text: str) -> None:
    """Raise ValidationError unless the text is one line of at most 256 characters."""
    check_line(text, MAX_CREDENTIAL)


# The schema does not check digits: a wrong number is INVALID_PHONE_NUMBER, not INVALID_REQUEST.
class Phone(StrictString):
    """A telephone number that must be there."""

    def __init__(self) -> None:
        shown = {"pattern": r"^\s*\+?[0-9]{1,32}\s*$", "description": "+, if it is there, and 1-32 digits."}
        super().__init__(required=True, validate=check_phone, metadata=shown)


class OwnTrunkSchema(StrictSchema):
    """The SIP server and user that a request brings."""

    outbound_address = StrictString(
        metadata={
            "pattern": PATTERN,
            "description": "A host name or IPv4 address, with or without a port, sips: or ;transport=; calls through it"
            " never use the server's own SIP user.",
        }
    )
    auth_username = StrictString(validate=check_credential, metadata=CREDENTIAL)
    auth_password = StrictString(validate=check_credential, metadata={**CREDENTIAL, "format": "password"})
    transport = StrictString(
        validate=validate.OneOf(TRANSPORTS), metadata={"description": "How the SIP server is reached; default: auto."}
    )
    from_name = StrictString(
        validate=check_display_name,
        metadata={"maxLength": MAX_DISPLAY_NAME, "description": "The name that the called phone shows."},
    )
    headers = StrictDict(
        validate=check_headers,
        metadata={
            "maxProperties": MAX_HEADERS,
            "propertyNames": {"pattern": f"^{HEADER.pattern}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{HEADER_VALUE.pattern}$"},
            "description": "SIP headers of the INVITE, such as X-Customer-Id.",
        },
    )
    dtmf = StrictString(
        validate=check_dtmf,
        metadata={"pattern": f"^{DTMF.pattern}$", "description": "Keys to press after the answer; w waits 0.5 s."},
    )


def _seconds(highest: int, description: str) -> StrictInteger:
    limits = {"minimum": 1, "maximum": highest, "description": description}
    return StrictInteger(validate=validate.Range(1, highest, error=f"must be 1 to {highest}"), metadata=limits)


class CallSchema(StrictSchema):
    """POST /sip/call."""

    room_name = Name()
    participant_name = Name()
    participant_identity = Name()
    from_phone_number = Phone()
    to_phone_number = Phone()
    sip = fields.Nested(OwnTrunkSchema)
    ringing_timeout = _seconds(MAX_RINGING, "Seconds that the phone may ring; 30 when left out.")
    max_call_duration = _seconds(MAX_DURATION, "Seconds until LiveKit ends the call; 24 hours when left out.")
    wait_until_answered = StrictBoolean(
        load_default=False,
        metadata={"description": "Answer when the phone is answered: `answered`, or 422 with the reason."},
    )
    replace = StrictBoolean(
        load_default=False,
        metadata={"description": "Disconnect a participant of this identity that is in the room; otherwise 409."},
    )


class TransferSchema(StrictSchema):
    """POST /sip/transfer."""

    room_name = Name()
    participant_identity = Name()
    transfer_to = StrictString(
        required=True,
        validate=check_phone,
        metadata={
            "pattern": r"^\s*(([Tt][Ee][Ll]:)?\+?[0-9]{1,32}|[Ss][Ii][Pp]:[A-Za-z0-9+._-]{1,64}@[^\s@]+)\s*$",
            "description": "A number, tel: and a number, or sip:user@host.",
        },
    )


CALL = CallSchema()
TRANSFER = TransferSchema()


def call_request(body: dict[str, Any]) -> CallRequest:
    """Return the call that a body asks for; raises InvalidRequest, InvalidPhoneNumber, InvalidSipAddress."""
    wanted = CALL.parse(body)
    call = Call(
        room=wanted["room_name"],
        identity=wanted["participant_identity"],
        name=wanted["participant_name"],
        from_number=phone_number(wanted["from_phone_number"], "from_phone_number"),
        to_number=phone_number(wanted["to_phone_number"], "to_phone_number"),
        wait_until_answered=wanted["wait_until_answered"],
        **_options(wanted),
    )
    return CallRequest(call, _own_trunk(wanted.get("sip", {})), wanted["replace"])


def transfer_request(body: dict[str, Any]) -> tuple[str, str, TransferTarget]:
    """Return room, identity and target; raises InvalidRequest, InvalidPhoneNumber, InvalidSipAddress."""
    wanted = TRANSFER.parse(body)
    target = TransferTarget.parse(wanted["transfer_to"], "transfer_to")
    return wanted["room_name"], wanted["participant_identity"], target


def _options(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a call that the request names."""
    own = wanted.get("sip", {})
    options = {name: own[name] for name in ("from_name", "headers", "dtmf") if name in own}
    times = {"ringing_timeout": "ringing_timeout", "max_call_duration": "max_duration"}
    return options | {name: wanted[field] for field, name in times.items() if field in wanted}


def _own_trunk(wanted: dict[str, Any]) -> OwnTrunk:
    address, password = wanted.get("outbound_address"), wanted.get("auth_password")
    return OwnTrunk(
        address=None if address is None else sip_address(address, "sip.outbound_address"),
        username=wanted.get("auth_username"),
        password=None if password is None else Secret(password),
        transport=wanted.get("transport"),
    )
