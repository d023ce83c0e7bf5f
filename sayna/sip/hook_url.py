"""Where a hook may lead, as far as that can be said before anything is sent."""

from urllib.parse import urlsplit

from sayna import http
from sayna.config.setting import Wrong
from sayna.config.urls import hook
from sayna.errors import InvalidRequest

MAX_URL = 2048
RESOLVE_SECONDS = 2.0
# Names that never leave a site: RFC 6761, RFC 6762, RFC 8375, and .internal, which ICANN keeps for this.
INSIDE = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")


def check_hook_url(url: str, *, allow_private: bool) -> None:
    """Raise InvalidRequest unless the URL may be saved.

    A name that cannot be looked up now may be saved: each delivery looks it up, and judges it, again.
    """
    if len(url) > MAX_URL:
        raise InvalidRequest(f"url must have at most {MAX_URL} characters")
    try:
        hook.parse(url)
    except Wrong as problem:
        raise InvalidRequest(f"url {problem}; send an https URL without user name and password") from problem
    if allow_private:
        return
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https":
        raise InvalidRequest("url must begin with https://")
    if host.endswith(INSIDE) or not _may_be_public(host, parts.port or 443):
        raise InvalidRequest("url must lead to a host on the internet, not to a private network")


def _may_be_public(host: str, port: int) -> bool:
    try:
        found = http.resolved(host, port, http.Deadline.after(RESOLVE_SECONDS))
    except (OSError, TimeoutError):
        return True
    return all(http.is_public(address[0]) for *_, address in found)
