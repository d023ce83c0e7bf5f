"""Strict intake: one JSON object in UTF-8, of limited size and depth, otherwise a 4xx that says what to send."""

import json
import re
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from flask import Request, current_app, g
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from sayna.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType

# json.loads raises RecursionError at some 5,000 levels, a 500 in plain Flask (measured).
MAX_DEPTH = 32
MAX_FIELDS = 100
# LiveKit's metadata and attributes alone may have 1 MiB, whatever MAX_BODY_BYTES says.
WEBHOOK_BYTES = 2 * 2**20
TOO_DEEP = f"the body is nested deeper than {MAX_DEPTH} levels"
# json.loads accepts half a surrogate pair, on which every .encode() fails, and NUL, which ends a text for
# C libraries.
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")


def read_object(request: Request) -> dict[str, Any]:
    """Return the body as an object, parsed once: the view handles the very object that the auth service judged.

    Raises as read_body and parse_object do.
    """
    body: dict[str, Any] | None = g.get("body")
    if body is None:
        body = g.body = parse_object(read_body(request))
    return body


def read_optional_object(request: Request) -> dict[str, Any]:
    """Return the body as an object, an empty one where there is no body; raises as read_object does."""
    is_empty = not request.content_length and "Transfer-Encoding" not in request.headers
    return {} if is_empty else read_object(request)


def read_body(request: Request) -> bytes:
    """Return a raw JSON body, read once; raises PayloadTooLarge, UnsupportedMediaType, InvalidRequest."""
    # The object behind Flask's proxy, because each access through the proxy costs half a microsecond.
    here = g._get_current_object()
    raw: bytes | None = here.get("raw_body")
    if raw is None:
        _check_type(request)
        raw = here.raw_body = read_raw(request)
    return raw


def _check_type(request: Request) -> None:
    # MAX_BODY_BYTES limits the compressed size only, so refuse compressed bodies.
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body without Content-Encoding")
    # A form on another site can send text/plain without asking; application/json needs a CORS preflight.
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the body as Content-Type: application/json")


def read_raw(request: Request, limit: int | None = None) -> bytes:
    """Return a raw body of any type within `limit`, else MAX_BODY_BYTES; raises PayloadTooLarge, InvalidRequest.

    It reads one byte more than the limit, because gunicorn silently cuts a chunked body at its limit.
    """
    limit = limit or int(current_app.config["MAX_BODY_BYTES"])
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge(f"the body has more than {limit} bytes")
    try:
        body = request.stream.read(limit + 1)
    # gunicorn reports a bad chunk size only here, in the middle of the body.
    except (ClientDisconnected, ParseException, OSError, ValueError) as error:
        raise InvalidRequest("the body is incomplete or its framing is not HTTP") from error
    if len(body) > limit:
        raise PayloadTooLarge(f"the body has more than {limit} bytes")
    return body


def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form in UTF-8, whatever its type, parsed once; raises PayloadTooLarge, InvalidRequest.

    Any web page can send a form, so a view that reads one also calls open_requests.check_site.
    """
    fields: dict[str, str] | None = g.get("body")
    if fields is None:
        try:
            pairs = parse_qsl(read_raw(request).decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise InvalidRequest(f"the form is not UTF-8 or has more than {MAX_FIELDS} fields") from error
        fields = g.body = dict(pairs)
    return fields


def check_characters(fields: dict[str, str]) -> None:
    """Raise InvalidRequest when a field of a form or query has a character that no JSON body may have."""
    if _has_forbidden(fields):
        raise InvalidRequest("a field has NUL or half of a surrogate pair; send other characters")


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the body as an object; raises InvalidRequest that says what is wrong with it."""
    try:
        # Decode here: json.loads would accept UTF-16 and UTF-32 too.
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
    # A forbidden character stands in the text itself or behind an escape, so most bodies need no walk.
    if _FORBIDDEN.search(text) or ("\\u" in text and _has_forbidden(value)):
        raise InvalidRequest("a string has NUL or half of a surrogate pair; send other characters")
    return value


def _too_deep(value: Any) -> bool:
    """Walk level by level, because a recursive walk would itself exceed the recursion limit."""
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
        # Python takes the last of two values and other parsers the first: the auth service might judge another body.
        raise InvalidRequest("the body has a field twice; send each field once")
    return members


def _finite(text: str) -> float:
    number = float(text)
    # Python reads 1e400 as infinity, which is not valid JSON when it is sent on.
    if number in (float("inf"), float("-inf")):
        raise InvalidRequest("the body holds a number that is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
