"""The only place where exceptions become responses."""

import json
import logging
import re
from http import HTTPStatus

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sayna.blueprints.compat.error_shapes import Failure, shaped
from sayna.blueprints.context import current_request
from sayna.blueprints.responses import json_response
from sayna.errors import AuthServiceFailed, NotAuthenticated, SaynaError
from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.speech.clip_errors import status_of

FRAMEWORK = {
    400: ("INVALID_REQUEST", "The request cannot be parsed."),
    404: ("NOT_FOUND", "No route matches this path."),
    405: ("METHOD_NOT_ALLOWED", "This path does not support this method; see the Allow header."),
    413: ("PAYLOAD_TOO_LARGE", "The body is too large."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Send the body with Content-Type: application/json."),
}
# `/clip` and what is below it, but not `/clips`, which answers JSON.
PLAIN_PATHS = re.compile(r"/(?:(?P<signed>clip)(?:/|\Z)|say(?:[./]|\Z))")
PLAIN_SENTENCES: dict[type[Exception], str] = {
    PreconditionFailed: "the clip is not the one that If-Match or If-Unmodified-Since names",
    RangeNotSatisfiable: "the clip has no bytes in this range",
}
# Bytes of JSON; the rest of the 4 kB (contract 0) is for the other members.
MAX_SENTENCE = 3600

logger = logging.getLogger("sayna.errors")


def register(app: Flask) -> None:
    """Turn every exception of `app` into a response in the shape that the clients of its path read."""
    app.register_error_handler(SaynaError, _sayna_error)
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, _unexpected_error)


def _sayna_error(error: SaynaError) -> Response:
    sentence = _shortened(error.message)
    # Here `error` is a reason that clients compare (contract 2).
    if isinstance(error, NotAuthenticated | AuthServiceFailed):
        body: dict[str, object] = {"error": error.auth_code, "message": sentence}
    else:
        body = {"error": sentence}
    body |= error.members
    response = _response(body, error.code, error.status, error)
    response.headers.update(error.headers)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    # RFC 9110, 15.5.2: a 401 must name its authentication scheme.
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    g.error_code = error.code
    return response


def _shortened(sentence: str) -> str:
    """Return a sentence that keeps the error below 4 kB; one character takes up to 12 bytes of JSON."""
    return sentence if len(json.dumps(sentence)) <= MAX_SENTENCE else sentence[: MAX_SENTENCE // 12] + "..."


def _framework_error(error: HTTPException) -> Response:
    status = error.code or 500
    fallback = (
        "INTERNAL_ERROR" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_REQUEST",
        error.name,
    )
    code, sentence = FRAMEWORK.get(status, fallback)
    response = _response({"error": sentence}, code, status, error)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _unexpected_error(error: Exception) -> Response:
    # Send no text of the exception to the client, because it may quote a key, a path or a provider.
    logger.exception("unforeseen")
    g.error_code = "INTERNAL_ERROR"
    sentence = "The server failed; its log has the cause under this request_id."
    return _response({"error": sentence}, "INTERNAL_ERROR", 500, error)


def _response(body: dict[str, object], code: str, status: int, error: Exception) -> Response:
    """Return the error in the shape that the clients of its path read."""
    request = current_request()
    sentence = str(body.get("message", body["error"]))
    if found := PLAIN_PATHS.match(request.path):
        return _plain(sentence, status, error, is_signed=found["signed"] is not None)
    failure = Failure(status, code, sentence, error.field if isinstance(error, SaynaError) else "")
    own = {**body, "code": code, "request_id": g.request_id}
    return shaped(request.path, request.headers, failure) or json_response(own, status)


def _plain(sentence: str, status: int, error: Exception, *, is_signed: bool) -> Response:
    """Return one line of text that no cache keeps, for players that read only the status."""
    if isinstance(error, SaynaError):
        status = status_of(type(error), status, is_signed=is_signed)
    text = PLAIN_SENTENCES.get(type(error), sentence)
    return Response(f"{text}\n", status, {"Cache-Control": "no-store"}, content_type="text/plain; charset=utf-8")
