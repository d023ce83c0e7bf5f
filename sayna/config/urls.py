"""The types of URL that settings hold, and which of them may do without TLS."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from sayna.config.fields import InvalidValue, SettingType

# A port from 1 to 65535, in a regular expression.
PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def url(*schemes: str, plain_anywhere: bool = False, query: bool = False) -> SettingType[str]:
    """Return the type of a URL; without `plain_anywhere` the schemes without TLS need a loopback host.

    A URL that may have a query is kept as it is, any other loses its trailing slashes.
    """

    def parse(text: str) -> str:
        parts = _split(text)
        if parts.scheme not in schemes:
            raise InvalidValue("is no URL of a known scheme")
        if parts.scheme in ("http", "ws") and not plain_anywhere and not is_loopback(parts.hostname or ""):
            raise InvalidValue("would send secrets without TLS")
        if "#" in text or ("?" in text and not query):
            raise InvalidValue("has a query or a fragment")
        # Adapters append a path that begins with a slash; a URL with a query is called as it is.
        return text if query else text.rstrip("/")

    where = "" if plain_anywhere else " (http only for this machine itself)"
    return SettingType(parse, " or ".join(f"{scheme}://..." for scheme in schemes) + where, shown=False)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # Some clients read a backslash as a slash, so they connect to another host than the one checked here.
    if not usable or not re.fullmatch(r"[\x21-\x7e]+", text) or "\\" in text:
        raise InvalidValue("is not a usable URL")
    if "@" in parts.netloc:
        raise InvalidValue("has a user name or password")
    return parts


# Keys travel in headers; Cartesia says that it may replace one that came over plain http.
cloud = url("https", "http")
# On premises these servers are in the operator's network, often without a certificate.
anywhere = url("https", "http", plain_anywhere=True)
livekit = url("ws", "wss", "http", "https", plain_anywhere=True)
hook = url("https", "http", plain_anywhere=True, query=True)
service = url("https", "http", query=True)
