"""Every exception becomes JSON here, and nowhere else."""

import logging
from http import HTTPStatus

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sayna.blueprints.responses import json_answer
from sayna.errors import AuthServiceFailed, NotAuthenticated, SaynaError

FRAMEWORK = {
    400: ("INVALID_REQUEST", "the request cannot be understood"),
    404: ("NOT_FOUND", "there is nothing at this path"),
    405: ("METHOD_NOT_ALLOWED", "this path does not take this method; see Allow"),
    413: ("PAYLOAD_TOO_LARGE", "the body is too large"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "send the body as Content-Type: application/json"),
}

logger = logging.getLogger("sayna.errors")


def register(app: Flask) -> None:
    """Answer every kind of failure of `app` with JSON."""
    app.register_error_handler(SaynaError, _on_purpose)
    app.register_error_handler(HTTPException, _from_framework)
    app.register_error_handler(Exception, _unforeseen)


def _on_purpose(error: SaynaError) -> Response:
    # Here, as in the reference, `error` is a word that clients compare.
    if isinstance(error, NotAuthenticated | AuthServiceFailed):
        body = {"error": error.auth_code, "message": error.message}
    else:
        body = {"error": error.message}
    answer = json_answer({**body, "code": error.code, "request_id": g.request_id}, error.status)
    answer.headers.update(error.headers)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    # RFC 9110, 15.5.2 and 15.5.6: a 401 names its scheme, a 405 the methods that there are.
    if error.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    g.error_code = error.code
    return answer


def _from_framework(error: HTTPException) -> Response:
    status = error.code or 500
    fallback = (
        "INTERNAL_ERROR" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_REQUEST",
        error.name,
    )
    code, sentence = FRAMEWORK.get(status, fallback)
    answer = json_answer({"error": sentence, "code": code, "request_id": g.request_id}, status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _unforeseen(error: Exception) -> Response:
    # Nothing of it goes to the caller: an exception's text may quote a key, a path or a vendor.
    logger.exception("unforeseen")
    g.error_code = "INTERNAL_ERROR"
    body = {
        "error": "something went wrong here; the log knows it by this request_id",
        "code": "INTERNAL_ERROR",
    }
    return json_answer({**body, "request_id": g.request_id}, 500)
