"""Strict intake: a JSON body of limited size, otherwise a 4xx that says what to send."""

import functools
import re
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from flask import Request, current_app, g
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import parse_options_header

from sayna.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from sayna.schemas.base import StrictSchema, ignored_fields
from sayna.schemas.json_object import parse_object

JSON_TYPE = re.compile(r"application/(x-)?json|text/json|application/[a-z0-9][a-z0-9!#$&^_.-]*\+json")
# The values of Sec-Fetch-Site for a request that no page of another site sent.
OWN_SITE = ("", "same-origin", "none")
# Fields of a form.
MAX_FIELDS = 100
# LiveKit's metadata and attributes alone may have 1 MiB, whatever MAX_BODY_BYTES says.
WEBHOOK_BYTES = 2 * 2**20


def read_object(request: Request, schema: StrictSchema | None = None) -> dict[str, Any]:
    """Return the body as an object, parsed once: the view handles the very object that the auth service judged.

    The response names the fields that the schema ignores. Raises as read_body and parse_object do.
    """
    body: dict[str, Any] | None = g.get("body")
    if body is None:
        body = g.body = parse_object(read_body(request))
    if schema is not None:
        g.ignored_fields = ignored_fields(schema, body)
    return body


def read_optional_object(request: Request, schema: StrictSchema) -> dict[str, Any]:
    """Return the body as an object, an empty one where there is no body; raises as read_object does."""
    is_empty = not request.content_length and "Transfer-Encoding" not in request.headers
    return {} if is_empty else read_object(request, schema)


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
    environ = request.environ
    # MAX_BODY_BYTES limits the compressed size only, so refuse compressed bodies.
    if environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("send the body without Content-Encoding")
    content_type = environ.get("CONTENT_TYPE", "").strip()
    if not (_is_json(content_type) if content_type else _is_own(request)):
        raise UnsupportedMediaType("the body is not JSON by its type; send the header Content-Type: application/json")


@functools.lru_cache(maxsize=256)
def _is_json(content_type: str) -> bool:
    return JSON_TYPE.fullmatch(parse_options_header(content_type)[0].lower()) is not None


def _is_own(request: Request) -> bool:
    """Return whether a program, and no page of another site, sent a body without a type.

    A page of another site can send forms, text/plain and untyped bodies without a CORS preflight; its browser
    adds Origin to each.
    """
    headers = request.headers
    return "Origin" not in headers and headers.get("Sec-Fetch-Site", "").strip().lower() in OWN_SITE


def read_raw(request: Request, limit: int | None = None) -> bytes:
    """Return a raw body of any type within `limit`, else MAX_BODY_BYTES; raises PayloadTooLarge, InvalidRequest.

    It reads one byte more than the limit, because gunicorn silently cuts a chunked body at its limit.
    """
    limit = limit or int(current_app.config["MAX_BODY_BYTES"])
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge(f"the body has more than {limit} bytes")
    try:
        # gunicorn's own input ends where the body ends; werkzeug's stream ends the one of any other server.
        stream = request.environ["wsgi.input"] if request.environ.get("wsgi.input_terminated") else request.stream
        body: bytes = stream.read(limit + 1)
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
            pairs = parse_qsl(
                read_raw(request).decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
            )
        except ValueError as error:
            raise InvalidRequest(f"the form is not UTF-8 or has more than {MAX_FIELDS} fields") from error
        fields = g.body = dict(pairs)
    return fields


def check_query(request: Request) -> None:
    """Raise InvalidRequest for a query that is not UTF-8; werkzeug leaves "%E9" as it is, and that would be spoken."""
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("the query is not UTF-8; percent-encode the UTF-8 bytes of its text") from error
