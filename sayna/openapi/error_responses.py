"""The error responses in the OpenAPI document: every code of every status, with an example."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from sayna.errors import (
    AuthServiceFailed,
    AuthServiceUnavailable,
    InvalidRequest,
    NotAuthenticated,
    PayloadTooLarge,
    ProviderError,
    ProviderRejectedCredentials,
    SaynaError,
    TooManyFailures,
    UnsupportedMediaType,
)
from sayna.openapi.operation import header

ALWAYS = (SaynaError,)
WITH_BODY = (InvalidRequest, PayloadTooLarge, UnsupportedMediaType)
WITH_TOKEN = (NotAuthenticated, TooManyFailures, AuthServiceFailed, AuthServiceUnavailable)
REQUEST_ID_HEADER = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
REQUEST_ID = "7f1c9f0e5d7b4a52b1d0a3c4e5f60718"
TOO_LONG = {
    "description": "The request line is longer than 8190 bytes; gunicorn refuses it.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_TOKEN_ERRORS = {
    "missing_auth_header": "No token came with the request.",
    "invalid_auth_header": "The Authorization header is not of the form Bearer <token>.",
    "unauthorized": "The token is not one that this server knows.",
}
_RETRY = "Seconds after which a retry may succeed, where that is known."
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "Bearer"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow", "The methods that may be used."),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range", "How many bytes there are."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", _RETRY),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", _RETRY),
}


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """One code under one status; with a `reason`, the field `error` holds that word instead of the sentence."""

    status: int
    code: str
    sentence: str
    reason: str = ""
    from_vendor: bool = False

    @property
    def body(self) -> dict[str, str]:
        """The body of the response."""
        texts = {"error": self.reason, "message": self.sentence} if self.reason else {"error": self.sentence}
        return {**texts, "code": self.code, "request_id": REQUEST_ID}


def error_examples(error: type[SaynaError]) -> Iterator[ErrorExample]:
    """Yield an example of each code and status of the class; the sentence is its docstring."""
    if error is NotAuthenticated:
        for reason, sentence in _TOKEN_ERRORS.items():
            yield ErrorExample(error.status, reason.upper(), sentence, reason)
        return
    sentence = " ".join((error.__doc__ or "").partition("\n\n")[0].split())
    if error is SaynaError:
        sentence = "The server failed; its log has the details under this request_id."
    reason, from_vendor = getattr(error, "auth_code", ""), issubclass(error, ProviderError)
    yield ErrorExample(error.status, error.code, sentence, reason, from_vendor)
    if error is ProviderRejectedCredentials:
        yield ErrorExample(HTTPStatus.BAD_REQUEST, error.code, sentence)


def responses(
    errors: Iterable[type[SaynaError]], text_status: Callable[[type[SaynaError]], int] | None = None
) -> dict[str, Any]:
    """Return OpenAPI's response objects by status; with `text_status` they are plain text of that status."""
    by_status: dict[int, list[ErrorExample]] = {}
    for error in dict.fromkeys(errors):
        for example in error_examples(error):
            found = replace(example, status=text_status(error)) if text_status else example
            by_status.setdefault(found.status, []).append(found)
    respond = _text_response if text_status else _response
    return {str(status): respond(group) for status, group in sorted(by_status.items())}


def _text_response(group: list[ErrorExample]) -> dict[str, Any]:
    return {
        "description": "\n".join(f"- {sentence}" for sentence in dict.fromkeys(each.sentence for each in group)),
        "headers": {**REQUEST_ID_HEADER, **_headers(group), "Cache-Control": header("no-store")},
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }


def _response(group: list[ErrorExample]) -> dict[str, Any]:
    codes = sorted({example.code for example in group})
    schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, {"properties": {"code": {"enum": codes}}}]}
    examples = {example.code: {"value": example.body} for example in group}
    return {
        "description": "\n".join(f"- `{example.code}` {example.sentence}" for example in group),
        "headers": {**REQUEST_ID_HEADER, **_headers(group)},
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _headers(group: list[ErrorExample]) -> dict[str, Any]:
    names = [_HEADERS[HTTPStatus(example.status)] for example in group if example.status in _HEADERS]
    # A vendor's Retry-After is passed on with its errors, for instance when it limits the rate.
    if any(example.from_vendor and example.status >= HTTPStatus.INTERNAL_SERVER_ERROR for example in group):
        names.append(("Retry-After", _RETRY))
    return {name: header(sentence) for name, sentence in names}
