"""Requests of `requests`, over our own pools: no redirects, proxies, cookies, netrc or passwords in URLs."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from sayna.http.pool import exchange, shared_pool

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
        raw = shared_pool(filtered=exchange.address_filter is not None).urlopen(
            request.method or "", request.url or "", body=request.body, headers=request.headers,
            timeout=urllib3.Timeout(*timeout), **URLOPEN_OPTIONS,
        )  # fmt: skip
        # Not build_response(), because it parses cookies of the response.
        response = Response()
        response.status_code, response.raw = raw.status, raw
        return response


def prepared(
    method: str, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str], body: bytes | None
) -> PreparedRequest:
    """Return a request; raises requests.exceptions.InvalidURL.

    Not by a Session: its settings, cookies and hooks would be empty, but to merge them took 0.15 ms (measured).
    """
    request = PreparedRequest()
    request.method, request.body = method, body
    query = f"{'&' if '?' in url else '?'}{urlencode(params)}" if params else ""
    request.prepare_url(url + query, None)
    request.headers = CaseInsensitiveDict({**HEADERS, **headers})
    return request


# It holds no connection, so threads and forked processes may share it.
adapter = PoolAdapter()
