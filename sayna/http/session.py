"""The one session of `requests`, over our own pools: no redirects, proxies, cookies, netrc or passwords in URLs."""

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import urllib3
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from sayna.http.pool import exchange, pool

# Azure refuses requests without a User-Agent. An uncompressed body cannot be a decompression bomb.
HEADERS = {"User-Agent": "sayna", "Accept-Encoding": "identity"}
# No retries, because vendors bill a repeated synthesis again. Decoding would let 1 MB of body grow to 1 GB after the
# byte limit has been checked.
URLOPEN_OPTIONS: Any = {"redirect": False, "retries": False, "preload_content": False, "decode_content": False}


class PoolAdapter(HTTPAdapter):
    """A transport that uses sayna.http.pool and raises the errors of urllib3."""

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Create no pool, because send() uses the pools of sayna.http.pool with their own TLS context."""

    def send(self, request: PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> Response:
        """Return a response whose body has not been read; `timeout` is (connect seconds, read seconds)."""
        connections = pool() if exchange.address_filter is None else pool(filtered=True)
        raw = connections.urlopen(
            request.method or "", request.url or "", body=request.body, headers=request.headers,
            timeout=urllib3.Timeout(*timeout), **URLOPEN_OPTIONS,
        )  # fmt: skip
        # Not build_response(), because it parses cookies of the response.
        response = Response()
        response.status_code, response.raw, response.url = raw.status, raw, request.url or ""
        response.headers, response.request = CaseInsensitiveDict(raw.headers), request
        return response


class DirectSession(Session):
    """A session that treats redirects like any other response."""

    def get_redirect_target(self, resp: Response) -> None:
        """Return None: even with allow_redirects=False, requests reads the whole body of a redirect."""


def _keep_authorization(request: PreparedRequest) -> PreparedRequest:
    return request


def _session() -> DirectSession:
    made = DirectSession()
    # Otherwise requests would read proxies and .netrc from the environment.
    made.trust_env = False
    # Otherwise requests would replace our Authorization header with a user name in the URL.
    made.auth = _keep_authorization
    made.cookies.set_policy(DefaultCookiePolicy(netscape=False))
    made.headers = CaseInsensitiveDict(HEADERS)
    for scheme in ("http://", "https://"):
        made.mount(scheme, PoolAdapter())
    return made


# The session holds no connection, so threads and forked processes may share it.
session = _session()
