"""Strict intake: one JSON object in UTF-8, of bounded size and depth, or a 4xx that says what to send."""

import json
import re
from typing import Any, NoReturn

from flask import Request, current_app, g
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from sayna.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType

# json.loads gives up with RecursionError at some 5,000 levels, a 500 in plain Flask (measured).
MAX_DEPTH = 32
# LiveKit's metadata and attributes alone may have 1 MiB, whatever MAX_BODY_BYTES says.
WEBHOOK_BYTES = 2 * 2**20
TOO_DEEP = f"the body is nested deeper than {MAX_DEPTH} levels"
# json.loads lets half a surrogate pair in, and every .encode() after it fails; NUL ends a
# text for C libraries.
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")


def read_object(request: Request) -> dict[str, Any]:
    """Return the body as an object, the one that the auth service was shown if it was."""
    return g.body if g.get("raw_body") else parse_object(read_body(request))


def read_body(request: Request) -> bytes:
    """Return a raw JSON body; raises PayloadTooLarge, UnsupportedMediaType, InvalidRequest."""
    # What a body becomes when it is unpacked, no limit on its bytes has seen.
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body without Content-Encoding")
    # A form on another site can send text/plain; application/json needs a preflight,
    # which nothing here answers.
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the body as Content-Type: application/json")
    return read_raw(request)


def read_raw(request: Request, limit: int | None = None) -> bytes:
    """Return a raw body of any type within `limit`, else MAX_BODY_BYTES; raises PayloadTooLarge, InvalidRequest.

    One byte more than the limit is read: gunicorn cuts a chunked body at its limit without a word.
    """
    limit = limit or int(current_app.config["MAX_BODY_BYTES"])
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge(f"the body has more than {limit} bytes")
    try:
        body = request.stream.read(limit + 1)
    # gunicorn tells of a bad chunk size only here, in the middle of the body.
    except (ClientDisconnected, ParseException, OSError, ValueError) as error:
        raise InvalidRequest("the body broke off or is not framed as HTTP wants it") from error
    if len(body) > limit:
        raise PayloadTooLarge(f"the body has more than {limit} bytes")
    return body


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the body as an object; raises InvalidRequest naming what is wrong with it."""
    try:
        # json.loads would take UTF-16 and UTF-32 too.
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    except RecursionError as error:
        raise InvalidRequest(TOO_DEEP) from error
    except ValueError as error:
        raise InvalidRequest("the body is not JSON; send one JSON object") from error
    if type(value) is not dict:
        raise InvalidRequest("the body is JSON but not an object; send {...}")
    if _too_deep(value):
        raise InvalidRequest(TOO_DEEP)
    # Beside the letters themselves only an escape brings one in, so most bodies need no walk.
    if _FORBIDDEN.search(text) or ("\\u" in text and _has_forbidden(value)):
        raise InvalidRequest("a string holds NUL or half of a surrogate pair")
    return value


def _too_deep(value: Any) -> bool:
    """Walk level by level: a recursive walk would itself be what the limit guards against."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _members(outer)]
        if not level:
            return False
    return any(isinstance(inner, (dict, list)) for inner in level)


def _members(container: dict[str, Any] | list[Any]) -> Any:
    return container.values() if isinstance(container, dict) else container


def _has_forbidden(value: Any) -> bool:
    if isinstance(value, str):
        return _FORBIDDEN.search(value) is not None
    if isinstance(value, dict):
        return any(_has_forbidden(inner) for pair in value.items() for inner in pair)
    return isinstance(value, list) and any(map(_has_forbidden, value))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Python takes the last of two, others the first: the auth service might judge another body.
        raise InvalidRequest("the body names a field twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    # 1e400 is infinite for Python, and no JSON any more when it is sent on.
    if number in (float("inf"), float("-inf")):
        raise InvalidRequest("the body holds a number that is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
