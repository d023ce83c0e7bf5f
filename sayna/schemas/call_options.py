"""Checks of the options of a call: display name, headers and keys."""

import re
from typing import Any

from marshmallow import ValidationError

from sayna.schemas.livekit import CONTROL

MAX_DISPLAY_NAME = 64
MAX_HEADERS = 20
HEADER = re.compile("X-[A-Za-z0-9-]{1,64}")
HEADER_VALUE = re.compile("[ -~]{1,256}")
DTMF = re.compile("[0-9A-D*#w]{1,64}")


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
