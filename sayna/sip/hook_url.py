"""Which URLs a hook may have, checked when the hook is saved."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from sayna import http
from sayna.config.fields import InvalidValue
from sayna.config.urls import hook
from sayna.errors import InvalidRequest
from sayna.sip.errors import HookNamesTooSlow

MAX_URL = 2048
NAME_SECONDS = 2.0
# The limit for all names of one request, because a request with a thousand hooks holds one thread.
ALL_SECONDS = 5.0
# Names of private networks: RFC 6761, RFC 6762, RFC 8375, and .internal, which ICANN reserves.
INSIDE = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")


def check_hook_urls(
    urls: Iterable[str],
    *,
    allow_private: bool,
    name_seconds: float = NAME_SECONDS,
    all_seconds: float = ALL_SECONDS,
) -> None:
    """Raise InvalidRequest unless all URLs may be saved, HookNamesTooSlow after `all_seconds` of DNS.

    A name that DNS cannot resolve in `name_seconds` may be saved: each delivery resolves and checks it again.
    """
    names = {_name(url, allow_private=allow_private) for url in urls}
    end = http.Deadline.after(all_seconds)
    for name in () if allow_private else sorted(names):
        if name.endswith(INSIDE) or not _may_be_public(name, min(name_seconds, end.remaining())):
            raise InvalidRequest("url must name a host on the internet, not in a private network")
        if not end.remaining():
            raise HookNamesTooSlow("the hosts of the urls take too long to look up; send fewer hooks", retry_after=5)


def _name(url: str, *, allow_private: bool) -> str:
    """Return the host of a valid hook URL; raises InvalidRequest."""
    if len(url) > MAX_URL:
        raise InvalidRequest(f"url must have at most {MAX_URL} characters")
    try:
        hook.parse(url)
    except InvalidValue as problem:
        raise InvalidRequest(f"url {problem}; send an https URL without user name and password") from problem
    parts = urlsplit(url)
    if parts.scheme != "https" and not allow_private:
        raise InvalidRequest("url must begin with https://")
    return (parts.hostname or "").rstrip(".")


def _may_be_public(host: str, seconds: float) -> bool:
    try:
        found = http.resolve(host, 443, http.Deadline.after(seconds))
    except (OSError, TimeoutError):
        return True
    return all(http.is_public(address[0]) for *_, address in found)
