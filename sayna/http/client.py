"""Send one request and return its response."""

import logging
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import urllib3
from requests.exceptions import InvalidURL

from sayna.http.deadline import Deadline
from sayna.http.errors import Cancelled, error_before_response
from sayna.http.pool import exchange
from sayna.http.response import HttpResponse, StreamedResponse
from sayna.http.session import adapter, prepared
from sayna.log import emit

logger = logging.getLogger("sayna.upstream")


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    deadline: Deadline,
    connect_seconds: float,
    max_bytes: int,
    params: Mapping[str, str] | None = None,
    data: bytes | None = None,
    address_filter: Callable[[str], bool] | None = None,
) -> StreamedResponse:
    """Return the response of any status, redirects included, as soon as its head has arrived.

    `address_filter` sees every address of the host; only addresses that it allowed are connected.
    Raises Unreachable, TimedOut or BadResponse, and NotAllowed when `address_filter` refuses an address.
    """
    started = time.monotonic()
    exchange.deadline, exchange.address_filter = deadline, address_filter
    outcome: int | str = "error"
    try:
        request = prepared(method, url, params, headers, data)
        response = adapter.send(request, timeout=(min(connect_seconds, deadline.left()), None))
    except (urllib3.exceptions.HTTPError, InvalidURL, TimeoutError) as error:
        failure = Cancelled("the request was cancelled") if deadline.cancelled else error_before_response(error)
        outcome = type(failure).__name__
        raise failure from error
    else:
        outcome = response.status_code
        streamed = StreamedResponse(response.raw, exchange.connection_guard, max_bytes)
        deadline.when_cancelled(streamed.close)
        return streamed
    finally:
        _log(method, url, outcome, started)


def post(
    url: str,
    *,
    data: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    connect_seconds: float,
    max_bytes: int,
    address_filter: Callable[[str], bool] | None = None,
) -> HttpResponse:
    """Return the response to a POST with its whole body; raises as send() and StreamedResponse.read() do."""
    response = send(
        "POST", url, data=data, headers=headers, deadline=deadline, connect_seconds=connect_seconds,
        max_bytes=max_bytes, address_filter=address_filter,
    )  # fmt: skip
    return HttpResponse(response.status, response.headers, response.read())


def _log(method: str, url: str, outcome: int | str, started: float) -> None:
    # Log the URL without its query, because some vendors accept keys there.
    parts = urlsplit(url)
    emit(
        logger, logging.INFO, "upstream", method=method, host=parts.netloc, path=parts.path, status=outcome,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )  # fmt: skip
