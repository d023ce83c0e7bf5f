"""Where a hook may lead, as far as that can be said before anything is sent."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from sayna import http
from sayna.config.fields import InvalidValue
from sayna.config.urls import hook
from sayna.errors import InvalidRequest
from sayna.sip.errors import HookNamesTooSlow

MAX_URL = 2048
RESOLVE_SECONDS = 2.0
# For all names of a request together: a thread is held as long, and a thousand hooks may come at once.
ALL_SECONDS = 5.0
# Names that never leave a site: RFC 6761, RFC 6762, RFC 8375, and .internal, which ICANN keeps for this.
INSIDE = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")


def check_hook_urls(urls: Iterable[str], *, allow_private: bool) -> None:
    """Raise InvalidRequest unless all may be saved, HookNamesTooSlow when to look them up takes too long.

    A name that cannot be looked up now may be saved: each delivery looks it up, and judges it, again.
    """
    names = {_name(url, allow_private=allow_private) for url in urls}
    end = http.Deadline.after(ALL_SECONDS)
    for name in () if allow_private else sorted(names):
        if name.endswith(INSIDE) or not _may_be_public(name, min(RESOLVE_SECONDS, end.remaining())):
            raise InvalidRequest("url must lead to a host on the internet, not to a private network")
        if not end.remaining():
            raise HookNamesTooSlow("the hosts of the urls take too long to look up; send fewer hooks", retry_after=5)


def _name(url: str, *, allow_private: bool) -> str:
    """Return the host of a URL that has the form of a hook; raises InvalidRequest."""
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
