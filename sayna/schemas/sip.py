"""Requests of the SIP endpoints."""

import re
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
from sayna.schemas.livekit import CONTROL, PLAIN, Name
from sayna.sip.address import sip_address
from sayna.sip.call_request import CallRequest, OwnTrunk
from sayna.sip.phone import TransferTarget, phone_number

MAX_DISPLAY_NAME = 64
MAX_HEADERS = 20
HEADER = re.compile("X-[A-Za-z0-9-]{1,64}")
HEADER_VALUE = re.compile("[ -~]{1,256}")
DTMF = re.compile("[0-9A-D*#w]{1,64}")

MAX_CREDENTIAL = 256
# LiveKit waits at most 80 s for an answer.
MAX_RINGING = 80
MAX_DURATION = 86400
CREDENTIAL = {"maxLength": MAX_CREDENTIAL, "pattern": f"^{PLAIN}*$"}


def check_line(text: str, longest: int) -> None:
    """Raise ValidationError unless the text is one line of at most `longest` characters."""
    if len(text) > longest or CONTROL.search(text):
        raise ValidationError(f"must have at most {longest} characters and no control characters")


def check_display_name(text: str) -> None:
    """Raise ValidationError unless the text is one line of at most 64 characters."""
    check_line(text, MAX_DISPLAY_NAME)


def check_headers(headers: dict[str, Any]) -> None:
    """Raise ValidationError unless the headers begin with X- and have short visible values."""
    if len(headers) > MAX_HEADERS or not all(map(HEADER.fullmatch, headers)):
        raise ValidationError(f"must have at most {MAX_HEADERS} names, each X- and 1 to 64 letters, digits and -")
    if not all(type(value) is str and HEADER_VALUE.fullmatch(value) for value in headers.values()):
        raise ValidationError("must have values of 1 to 256 printable ASCII characters")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValidationError("must name each header once")


def check_dtmf(text: str) -> None:
    """Raise ValidationError unless the text is 1 to 64 keys."""
    if not DTMF.fullmatch(text):
        raise ValidationError("must be 1 to 64 of the keys 0-9, A-D, *, # and w")


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
