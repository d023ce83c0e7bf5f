"""Addresses of SIP servers that are called: one form for settings, requests and the reference."""

import re

from sayna.config.fields import InvalidValue, SettingType

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
# In the dialect that Python and JSON Schema share.
PATTERN = rf"([A-Za-z0-9][A-Za-z0-9._-]{{0,252}})(:({_PORT}))?"
WANTS = "a host name or an IPv4 address, with a port of 1 to 65535 or without, as in pbx.example.com:5060"


def split_address(text: str) -> tuple[str, str]:
    """Return the host of an address, and the address without blanks around it; raises InvalidValue with the reason."""
    address = text.strip()
    if found := re.fullmatch(PATTERN, address):
        return found[1], address
    if address.startswith("[") or address.count(":") > 1:
        raise InvalidValue("is an IPv6 address, which LiveKit SIP cannot dial")
    raise InvalidValue("has the wrong form")


outbound_address = SettingType(lambda text: split_address(text)[1], WANTS)
