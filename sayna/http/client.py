"""One request and its answer."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from sayna.http.answer import Response
from sayna.http.deadline import Deadline
from sayna.http.errors import Cancelled, before_the_answer
from sayna.http.pool import exchange, pool
from sayna.http.response import Reply
from sayna.log import emit

# A redirect could lead inside, or take a key to somebody else; a rendering that is tried again is billed
# again.
# read() would gather 64 kB; decoding would let 1 MB become 1 GB behind the limit on bytes.
AS_IT_COMES: Any = {"redirect": False, "retries": False, "preload_content": False, "decode_content": False}
# Azure demands a User-Agent; what is not compressed cannot be a bomb.
HEADERS = {"User-Agent": "sayna", "Accept-Encoding": "identity"}

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
) -> Reply:
    """Return the answer's head as soon as it is there, whatever its status, a redirect's too.

    Raises Unreachable, TimedOut, BadAnswer, and NotAllowed when `address_filter` refuses an address of the host: those
    that it saw are those that are connected.
    """
    started = time.monotonic()
    exchange.deadline, exchange.address_filter = deadline, address_filter
    outcome: int | str = "error"
    try:
        raw = (pool() if address_filter is None else pool(vetted=True)).urlopen(
            method,
            f"{url}?{urlencode(params)}" if params else url,
            body=data,
            headers={**HEADERS, **headers},
            timeout=urllib3.Timeout(connect=min(connect_seconds, deadline.left()), read=None),
            **AS_IT_COMES,
        )
    except (urllib3.exceptions.HTTPError, TimeoutError) as error:
        failure = Cancelled("the call was called off") if deadline.cancelled else before_the_answer(error)
        outcome = type(failure).__name__
        raise failure from error
    else:
        outcome = raw.status
        reply = Reply(raw, exchange.lease, max_bytes)
        deadline.when_cancelled(reply.close)
        return reply
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
) -> Response:
    """Return a whole answer; raises as send() does."""
    reply = send(
        "POST", url, data=data, headers=headers, deadline=deadline, connect_seconds=connect_seconds,
        max_bytes=max_bytes, address_filter=address_filter,
    )  # fmt: skip
    return Response(reply.status, reply.headers, reply.read())


def _log(method: str, url: str, outcome: int | str, started: float) -> None:
    # Never the query: Deepgram's options stand there, and elsewhere keys have.
    parts = urlsplit(url)
    emit(
        logger, logging.INFO, "upstream", method=method, host=parts.netloc, path=parts.path, status=outcome,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )  # fmt: skip
