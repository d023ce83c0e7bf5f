"""Errors in the shapes that clients of other servers read, chosen by the path: also where no route matches."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Response, g
from werkzeug.datastructures import Headers

from sayna.blueprints.responses import json_response

ELEVENLABS_PATHS = re.compile(r"/v1/(text-to-speech|voices|user)(/.*)?|/v2(/.*)?", re.DOTALL)
BOTH_PATH = "/v1/models"  # OpenAI's and ElevenLabs's
OPENAI_PATHS = re.compile(r"/v1(/.*)?", re.DOTALL)
JAMBONZ_PATHS = re.compile(r"/jambonz(/.*)?", re.DOTALL)
MARYTTS_PATHS = re.compile(r"/marytts(/.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a request: `field` names the field of the body that is wrong, where one is."""

    status: int
    code: str
    message: str
    field: str = ""


class ErrorRow(NamedTuple):
    """What a dialect says of one of our codes; None means the value of every other error with its status."""

    status: int | None = None
    code: str | None = None
    field: str | None = None
    # The SDKs of OpenAI repeat 408, 409, 429 and 5xx unless x-should-retry is false.
    is_final: bool = False


# A second try of a timeout would take 60 s again, and would be billed again.
OPENAI = {
    "EMPTY_TEXT": ErrorRow(field="input"),
    "TEXT_TOO_LONG": ErrorRow(field="input"),
    "UNSUPPORTED_FORMAT": ErrorRow(field="response_format"),
    "UNKNOWN_PROVIDER": ErrorRow(404, "model_not_found", "model"),
    "PROVIDER_NOT_CONFIGURED": ErrorRow(404, "model_not_found", "model"),
    "PROVIDER_REJECTED_REQUEST": ErrorRow(field="voice"),
    "MISSING_AUTH_HEADER": ErrorRow(code="invalid_api_key"),
    "INVALID_AUTH_HEADER": ErrorRow(code="invalid_api_key"),
    "UNAUTHORIZED": ErrorRow(code="invalid_api_key"),
    "TOO_MANY_AUTH_FAILURES": ErrorRow(is_final=True),
    "PROVIDER_RATE_LIMITED": ErrorRow(429, "rate_limit_exceeded"),
    "QUOTA_EXCEEDED": ErrorRow(429, "insufficient_quota", is_final=True),
    "PROVIDER_ERROR": ErrorRow(502),
    "PROVIDER_TIMEOUT": ErrorRow(504, is_final=True),
    "PROVIDER_REJECTED_CREDENTIALS": ErrorRow(is_final=True),
    "NOT_CACHED": ErrorRow(is_final=True),
}
# The SDKs of ElevenLabs do not know x-should-retry, so what a second try cannot help is no 5xx.
ELEVENLABS = {
    "UNKNOWN_PROVIDER": ErrorRow(404, "voice_not_found"),
    "PROVIDER_NOT_CONFIGURED": ErrorRow(404, "voice_not_found"),
    "PROVIDER_REJECTED_REQUEST": ErrorRow(404, "voice_not_found"),
    "PROVIDER_REJECTED_CREDENTIALS": ErrorRow(400),
    "UNSUPPORTED_FORMAT": ErrorRow(422),
    "PROVIDER_RATE_LIMITED": ErrorRow(429),
    "QUOTA_EXCEEDED": ErrorRow(429, "quota_exceeded"),
    "PROVIDER_ERROR": ErrorRow(502),
    "PROVIDER_TIMEOUT": ErrorRow(504),
}
ELEVENLABS_CODES = {400: "invalid_request", 401: "invalid_api_key", 422: "invalid_parameters"}


def shaped(path: str, headers: Headers, failure: Failure) -> Response | None:
    """Return the failure in the shape of the path's dialect, None for a path of our own API."""
    if ELEVENLABS_PATHS.fullmatch(path) or (path == BOTH_PATH and "xi-api-key" in headers):
        return _elevenlabs(failure)
    if OPENAI_PATHS.fullmatch(path):
        return _openai(failure)
    if JAMBONZ_PATHS.fullmatch(path):
        return json_response({"error": failure.message}, failure.status)
    if MARYTTS_PATHS.fullmatch(path):
        line = " ".join(failure.message.split())
        return Response(f"{line}\n", failure.status, content_type="text/plain; charset=utf-8")
    return None


def _openai(failure: Failure) -> Response:
    row = OPENAI.get(failure.code, ErrorRow())
    status = row.status or failure.status
    body: dict[str, Any] = {
        "message": failure.message,
        "type": _openai_type(status),
        "param": failure.field or row.field,
        "code": row.code or failure.code.lower(),
    }
    response = json_response({"error": body, "request_id": g.request_id}, status)
    if row.is_final:
        response.headers["x-should-retry"] = "false"
    return response


def _openai_type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def _elevenlabs(failure: Failure) -> Response:
    row = ELEVENLABS.get(failure.code, ErrorRow())
    status = row.status or failure.status
    if status == HTTPStatus.BAD_REQUEST and failure.field:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    known = "too_many_concurrent_requests" if status == HTTPStatus.TOO_MANY_REQUESTS else ELEVENLABS_CODES.get(status)
    code = row.code or known or failure.code.lower()
    return json_response({"detail": {"status": code, "message": failure.message}}, status)
