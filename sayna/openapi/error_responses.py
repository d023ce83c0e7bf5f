"""Errors in the document: every code of every status, each with an example."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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

ALWAYS = (SaynaError,)
WITH_BODY = (InvalidRequest, PayloadTooLarge, UnsupportedMediaType)
WITH_TOKEN = (NotAuthenticated, TooManyFailures, AuthServiceFailed, AuthServiceUnavailable)
REQUEST_ID_HEADER = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
REQUEST_ID = "7f1c9f0e5d7b4a52b1d0a3c4e5f60718"
ERROR = {
    "type": "object",
    "description": "What every failure looks like.",
    "required": ["error", "code", "request_id"],
    "additionalProperties": False,
    "properties": {
        "error": {"type": "string", "description": "A sentence for a person; for tokens, the reason's name."},
        "message": {"type": "string", "description": "The sentence, where `error` is the reason's name."},
        "code": {"type": "string", "description": "The same for a program."},
        "request_id": {"type": "string", "description": "Finds the request in the server's log."},
    },
}
TOO_LONG = {
    "description": "The request line, address included, has more than 8190 bytes, and never reached Sayna.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_TOKEN_FAULTS = {
    "missing_auth_header": "No token came with the request.",
    "invalid_auth_header": "The Authorization header is not of the form Bearer <token>.",
    "unauthorized": "The token is not one that this server knows.",
}
_RETRY = "Seconds after which it is worth asking again, where that is known."
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "Bearer"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow", "The methods that may be used."),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range", "How many bytes there are."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", _RETRY),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", _RETRY),
}
_OTHER_STATUS = {ProviderRejectedCredentials: HTTPStatus.BAD_REQUEST}


@dataclass(frozen=True, slots=True)
class Fault:
    """One code under one status; `reason` is set where `error` holds a name instead of a sentence."""

    status: int
    code: str
    sentence: str
    reason: str = ""
    from_vendor: bool = False

    @property
    def example(self) -> dict[str, str]:
        """The body that a caller sees."""
        told = {"error": self.reason, "message": self.sentence} if self.reason else {"error": self.sentence}
        return {**told, "code": self.code, "request_id": REQUEST_ID}


def faults(errors: Iterable[type[SaynaError]]) -> Iterator[Fault]:
    """Yield what each class looks like on the wire; its docstring is the sentence."""
    for error in dict.fromkeys(errors):
        if error is NotAuthenticated:
            for reason, sentence in _TOKEN_FAULTS.items():
                yield Fault(error.status, reason.upper(), sentence, reason)
            continue
        sentence = " ".join((error.__doc__ or "").partition("\n\n")[0].split())
        if error is SaynaError:
            sentence = "Something went wrong here; the log knows it by this request_id."
        reason, from_vendor = getattr(error, "auth_code", ""), issubclass(error, ProviderError)
        yield Fault(error.status, error.code, sentence, reason, from_vendor)
        if error in _OTHER_STATUS:
            yield Fault(_OTHER_STATUS[error], error.code, sentence)


def responses(errors: Iterable[type[SaynaError]]) -> dict[str, Any]:
    """Return OpenAPI's response objects by status."""
    by_status: dict[int, list[Fault]] = {}
    for fault in faults(errors):
        by_status.setdefault(fault.status, []).append(fault)
    return {str(status): _response(group) for status, group in sorted(by_status.items())}


def _response(group: list[Fault]) -> dict[str, Any]:
    codes = sorted({fault.code for fault in group})
    return {
        "description": "\n".join(f"- `{fault.code}` {fault.sentence}" for fault in group),
        "headers": {**REQUEST_ID_HEADER, **_headers(group)},
        "content": {
            "application/json": {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Error"},
                        {"properties": {"code": {"enum": codes}}},
                    ]
                },
                "examples": {fault.code: {"value": fault.example} for fault in group},
            }
        },
    }


def header(sentence: str) -> dict[str, Any]:
    """Return OpenAPI's object of a header of an answer."""
    return {"description": sentence, "schema": {"type": "string"}}


def _headers(group: list[Fault]) -> dict[str, Any]:
    told = [_HEADERS[HTTPStatus(fault.status)] for fault in group if fault.status in _HEADERS]
    # A vendor that wants fewer requests, or that fails too often, has its Retry-After passed on under 500.
    told += [("Retry-After", _RETRY) for fault in group if fault.from_vendor and fault.status >= 500]  # noqa: PLR2004
    return {name: header(sentence) for name, sentence in told}
