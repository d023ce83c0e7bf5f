"""The only place where exceptions become responses: as JSON, as text, or in the shape that a dialect's clients read."""

import json
import logging
import re
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sayna.blueprints.context import current_request
from sayna.blueprints.responses import json_response
from sayna.errors import AuthServiceFailed, NotAuthenticated, SaynaError
from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.speech.clip_errors import status_of

ELEVENLABS_PATHS = re.compile(r"/v1/(text-to-speech|voices|user)(/.*)?|/v2(/.*)?|/elevenlabs(/.*)?", re.DOTALL)
BOTH_PATH = "/v1/models"  # OpenAI's and ElevenLabs's
OPENAI_PATHS = re.compile(r"/v1(/.*)?", re.DOTALL)
JAMBONZ_PATHS = re.compile(r"/jambonz(/.*)?", re.DOTALL)
MARYTTS_PATHS = re.compile(r"/marytts(/.*)?", re.DOTALL)

FRAMEWORK = {
    400: ("INVALID_REQUEST", "The request cannot be parsed."),
    404: ("NOT_FOUND", "No route matches this path."),
    405: ("METHOD_NOT_ALLOWED", "This path does not support this method; see the Allow header."),
    413: ("PAYLOAD_TOO_LARGE", "The body is too large."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Send the body with Content-Type: application/json."),
}
TEXT = "text/plain; charset=utf-8"
# `/clip` and what is below it, but not `/clips`, which answers JSON.
PLAIN_PATHS = re.compile(r"/(?:(?P<signed>clip)(?:/|\Z)|say(?:[./]|\Z))")
PLAIN_SENTENCES: dict[type[Exception], str] = {
    PreconditionFailed: "the clip is not the one that If-Match or If-Unmodified-Since names",
    RangeNotSatisfiable: "the clip has no bytes in this range",
}
ELEVENLABS_CODES = {400: "invalid_request", 401: "invalid_api_key", 422: "invalid_parameters"}
# Bytes of JSON; the rest of the 4 kB (contract 0) is for the other members.
MAX_SENTENCE = 3600

logger = logging.getLogger("sayna.errors")


class ErrorRow(NamedTuple):
    """What a dialect says of one of our codes; None means the value of every other error with its status."""

    status: int | None = None
    code: str | None = None
    field: str | None = None
    # The SDKs of OpenAI repeat 408, 409, 429 and 5xx unless x-should-retry is false.
    is_final: bool = False


# By dialect and code; read now, because an error may tell that no file can be opened.
# A second try of a timeout would take 60 s again, and would be billed again. The SDKs of ElevenLabs do not know
# x-should-retry, so what a second try cannot help is no 5xx there.
ROWS: dict[str, dict[str, ErrorRow]] = {
    dialect: {code: ErrorRow(**row) for code, row in rows.items()}
    for dialect, rows in json.loads(Path(__file__).with_name("dialect_errors.json").read_bytes()).items()
}


def _openai(status: int, code: str, message: str, field: str) -> Response:
    row = ROWS["openai"].get(code, ErrorRow())
    status = row.status or status
    body = {
        "message": message,
        "type": _openai_type(status),
        "param": field or row.field,
        "code": row.code or code.lower(),
    }
    response = json_response({"error": body, "request_id": g.request_id}, status)
    if row.is_final:
        response.headers["x-should-retry"] = "false"
    return response


def _openai_type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def _elevenlabs(status: int, code: str, message: str, field: str) -> Response:
    row = ROWS["elevenlabs"].get(code, ErrorRow())
    status = row.status or status
    if status == HTTPStatus.BAD_REQUEST and field:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    known = "too_many_concurrent_requests" if status == HTTPStatus.TOO_MANY_REQUESTS else ELEVENLABS_CODES.get(status)
    return json_response({"detail": {"status": row.code or known or code.lower(), "message": message}}, status)


def register(app: Flask) -> None:
    """Turn every exception of `app` into a response in the shape that the clients of its path read."""
    app.register_error_handler(SaynaError, _sayna_error)
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, _unexpected_error)


def _sayna_error(error: SaynaError) -> Response:
    # The error has at most 4 kB; one character takes up to 12 bytes of JSON.
    is_short = len(json.dumps(error.message)) <= MAX_SENTENCE
    sentence = error.message if is_short else error.message[: MAX_SENTENCE // 12] + "..."
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


def _framework_error(error: HTTPException) -> Response:
    status = error.code or 500
    other = "INTERNAL_ERROR" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_REQUEST"
    code, sentence = FRAMEWORK.get(status, (other, error.name))
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
    path, sentence = request.path, str(body.get("message", body["error"]))
    if found := PLAIN_PATHS.match(path):
        # One line of text that no cache keeps, for players that read only the status.
        if isinstance(error, SaynaError):
            status = status_of(type(error), status, is_signed=found["signed"] is not None)
        text = PLAIN_SENTENCES.get(type(error), sentence)
        return Response(f"{text}\n", status, {"Cache-Control": "no-store"}, content_type=TEXT)
    field = error.field if isinstance(error, SaynaError) else ""
    if ELEVENLABS_PATHS.fullmatch(path) or (path == BOTH_PATH and "xi-api-key" in request.headers):
        return _elevenlabs(status, code, sentence, field)
    if OPENAI_PATHS.fullmatch(path):
        return _openai(status, code, sentence, field)
    if JAMBONZ_PATHS.fullmatch(path):
        return json_response({"error": sentence}, status)
    if MARYTTS_PATHS.fullmatch(path):
        return Response(f"{' '.join(sentence.split())}\n", status, content_type=TEXT)
    return json_response({**body, "code": code, "request_id": g.request_id}, status)
