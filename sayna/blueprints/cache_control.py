"""How a request wants the cache used, by its Cache-Control and Pragma."""

import functools

from flask import Request
from werkzeug.datastructures import RequestCacheControl
from werkzeug.http import parse_cache_control_header

from sayna.speech.service import CacheMode


def cache_mode(request: Request) -> CacheMode:
    """Return the mode of a POST, which may cost money; a GET always uses the cache (contract 3)."""
    return _mode(request.environ.get("HTTP_CACHE_CONTROL", ""), request.environ.get("HTTP_PRAGMA", ""))


@functools.lru_cache(maxsize=256)
def _mode(cache_control: str, pragma: str) -> CacheMode:
    # Cache-Control decides where both are present: RFC 9111, 5.4.
    given = parse_cache_control_header((cache_control or pragma).lower(), cls=RequestCacheControl)
    # Of several directives the strictest counts: no provider, then no trace, then a new synthesis.
    if given.only_if_cached:
        return CacheMode.ONLY
    if given.no_store:
        return CacheMode.BYPASS
    if given.no_cache or (given.max_age is not None and given.max_age <= 0):
        return CacheMode.REFRESH
    return CacheMode.USE
