"""Twirp, the protocol of LiveKit's requests: which responses are LiveKit's, and what its errors mean.

https://twitchtv.github.io/twirp/docs/spec_v7.html: a response is protobuf with status 200, or JSON with a code.
Any other response comes from another program than LiveKit, with one exception: LiveKit refuses a key in plain text.
"""

import email.utils
import json
import logging
import re
import time
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from google.protobuf.message import DecodeError

from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable
from sayna.log import emit

NOT_FOUND = "not_found"
# These codes are about LiveKit itself: down, busy, or a wrong key or clock of this server.
NO_ANSWER = {"unavailable", "deadline_exceeded", "resource_exhausted", "unauthenticated", "unknown"}
# The one code of a SIP service after which a phone may ring.
MAY_RING = "deadline_exceeded"
# With these codes LiveKit answers that its egress service is missing or busy.
EGRESS_NO_ANSWER = NO_ANSWER - {"unavailable", "resource_exhausted"}
# Methods that are safe to send twice when a kept-alive connection was closed.
REPEATABLE = {"ListRooms", "ListParticipants", "GetParticipant", "CreateRoom", "UpdateRoomMetadata", "ListEgress"}
# LiveKit's sentences about these may hold telephone numbers, which no log may hold.
PRIVATE = {"CreateSIPParticipant", "TransferSIPParticipant"}
MAX_DETAIL = 300
# The leeway with which LiveKit checks the time of a token.
CLOCK_LEEWAY = 60  # seconds

T = TypeVar("T")

logger = logging.getLogger("sayna.livekit")


async def answer(call: Awaitable[T]) -> T:
    """Return LiveKit's answer; raises LiveKitUnavailable, LiveKitRefused."""
    try:
        return await call
    except (aiohttp.ClientError, TimeoutError, OSError, DecodeError) as error:
        may_have_acted = not isinstance(error, aiohttp.ClientConnectorError)
        raise LiveKitUnavailable("LiveKit cannot be reached; try again", may_have_acted=may_have_acted) from error


async def certain(call: Awaitable[T]) -> T:
    """Return LiveKit's answer to a request that it never refuses; a refusal raises LiveKitUnavailable."""
    try:
        return await answer(call)
    except LiveKitRefused as refusal:
        raise unavailable() from refusal


def unavailable() -> LiveKitUnavailable:
    """Return the error of a LiveKit that answers, but not as it should."""
    return LiveKitUnavailable("LiveKit cannot do this now; try again")


async def checked(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Return LiveKit's response and log it; raises LiveKitRefused, LiveKitUnavailable."""
    started = time.monotonic()
    fields: dict[str, Any] = {"method": request.url.name, "host": request.url.authority, "status": "cancelled"}
    level = logging.WARNING
    try:
        response = await _sent(request, send)
        fields["status"] = response.status
        if response.status == HTTPStatus.OK and response.content_type == "application/protobuf":
            level = logging.INFO
            return response
        raise _failure(response, await response.read(), request.url.path)
    except LiveKitRefused as refusal:
        level = logging.INFO
        fields["status"] = f"{fields['status']} {refusal.twirp_code}"
        if refusal.detail and request.url.name not in PRIVATE:
            fields["detail"] = refusal.detail
        raise
    except aiohttp.ClientError as error:
        fields["status"] = type(error).__name__
        raise
    finally:
        emit(logger, level, "upstream", **fields, duration_ms=round((time.monotonic() - started) * 1000, 1))


async def _sent(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send once, or twice when the connection was closed during the request."""
    try:
        return await send(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError) or request.url.name not in REPEATABLE:
            raise
    return await send(request)


def _failure(response: aiohttp.ClientResponse, body: bytes, path: str) -> LiveKitUnavailable:
    """Return the error for a response other than 200 with protobuf, by status and Twirp code."""
    try:
        members = json.loads(body)
        code, meta = members["code"], members.get("meta") or {}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        members, code, meta = {}, None, {}
    status = response.status
    fits = status >= HTTPStatus.BAD_REQUEST and (code == NOT_FOUND) == (status == HTTPStatus.NOT_FOUND)
    if isinstance(code, str) and code not in _no_answer(path) and fits:
        status_of_phone = _sip_status(meta)
        may_have_acted = code == MAY_RING and status_of_phone is None
        # One line of a log.
        text = members.get("msg")
        detail = re.sub(r"[\x00-\x1f\x7f]+", " ", text if isinstance(text, str) else "")[:MAX_DETAIL]
        return LiveKitRefused(code, detail, status_of_phone, may_have_acted=may_have_acted)
    return _key_refused(response) if status == HTTPStatus.UNAUTHORIZED else unavailable()


def _no_answer(path: str) -> set[str]:
    # Every code of the SIP service is an answer: the service is missing, or the far end refused.
    if "/livekit.SIP/" in path:
        return set()
    return EGRESS_NO_ANSWER if "/livekit.Egress/" in path else NO_ANSWER


def _key_refused(response: aiohttp.ClientResponse) -> LiveKitUnavailable:
    """Return the error of a 401: a clock that is wrong makes a right key look wrong."""
    try:
        theirs = email.utils.parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (LookupError, ValueError, TypeError, OverflowError):
        theirs = time.time()
    seconds = round(abs(time.time() - theirs))
    if seconds >= CLOCK_LEEWAY:
        sentence = f"the clocks of this server and of LiveKit differ by {seconds} s; an operator must correct one"
    else:
        sentence = "LiveKit refuses this server's key; an operator must check LIVEKIT_API_KEY and LIVEKIT_API_SECRET"
    emit(logger, logging.ERROR, "livekit_key_refused", clock_difference_seconds=seconds)
    return LiveKitUnavailable(sentence, may_have_acted=False)


def _sip_status(meta: object) -> int | None:
    """Return the SIP status in the metadata of an error (livekit-sip 1.11.0: sip_status_code as text), or None."""
    text = meta.get("sip_status_code") if isinstance(meta, dict) else None
    return int(text) if isinstance(text, str) and re.fullmatch("[1-6][0-9]{2}", text) else None
