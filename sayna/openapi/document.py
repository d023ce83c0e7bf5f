"""The OpenAPI document, built from the operations."""

import importlib
import pkgutil
import re
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from sayna import __version__, schemas
from sayna.errors import SaynaError
from sayna.openapi import AccessRule, Route, error_responses
from sayna.openapi.converter import Converter, schema_name
from sayna.openapi.operation import Operation, ResponseDoc, read_operations
from sayna.speech.clip_errors import status_of

Security = list[dict[str, list[str]]]

TAGS = {
    "Speech": "Text to speech, and the voices.",
    "Rooms": "LiveKit: tokens for a room, its participants and their tracks.",
    "Recordings": "Recordings of rooms.",
    "Telephone": "Calls over SIP.",
    "Compatibility": "Endpoints in the form of other servers, for clients of those servers.",
    "Server": "Health and readiness.",
    "Pages": "Pages for people, in a browser; public even where the API needs a token.",
}
DESCRIPTION = """\
One plain HTTP API over every text-to-speech vendor, LiveKit rooms, recordings and telephone calls.

Bodies are JSON objects. Fields that an endpoint does not know are ignored and named in `x-ignored-fields`; `null` means
absent. The type is `application/json`, `text/json`, `application/x-json` or `application/*+json`.
Every answer carries `X-Request-ID`; send your own to find a request in the server's log again.
Every answer carries `X-Content-Type-Options: nosniff`, and every path that takes GET takes HEAD.
"""
REQUEST_ID = {
    "description": "Yours, of 1 to 64 letters, digits and `. _ -`; otherwise the server makes one.",
    "schema": {"type": "string"},
}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <token>`"},
    "x_api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same token, for clients whose Authorization header a proxy uses.",
    },
    "api_key": {
        "type": "apiKey",
        "in": "query",
        "name": "api_key",
        "description": "The same token in the query, for clients that cannot send a header.",
    },
}
IGNORED_FIELDS = "Fields of the body that the endpoint ignores, by dotted path; absent when there are none."
MISSED = {
    "NotFound": (404, "NOT_FOUND", "No route matches this path."),
    "MethodNotAllowed": (
        405,
        "METHOD_NOT_ALLOWED",
        "This path does not support this method; see the Allow header.",
    ),
}


def build(routes: Iterable[Route], access: AccessRule, folded: Collection[str] = ()) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes; its server is relative to its own address.

    The playground shows the tags in `folded` closed: their endpoints are not configured, or few readers need them.
    """
    plugin = MarshmallowPlugin(schema_name_resolver=schema_name)
    plugin.Converter = Converter
    spec = APISpec("Sayna", __version__, "3.1.0", plugins=[plugin], info=_info(), servers=[{"url": "."}])
    operations = _operations(routes)
    used = {operation.tag for _, operation in operations}
    for tag in filter(used.__contains__, TAGS):
        spec.tag({"name": tag, "description": TAGS[tag], **({"x-folded": True} if tag in folded else {})})
    schemes = [name for name in SCHEMES if name != "api_key" or access.in_query]
    for name in schemes:
        spec.components.security_scheme(name, SCHEMES[name])
    spec.components.schema("Error", error_responses.ERROR)
    spec.components.header("X-Request-ID", error_responses.header("Finds the request in the server's log."))
    spec.components.header("x-ignored-fields", error_responses.header(IGNORED_FIELDS))
    spec.components.parameter("X-Request-ID", "header", {"name": "X-Request-ID", **REQUEST_ID})
    for name, (_, code, sentence) in MISSED.items():
        spec.components.response(name, _missed(code, sentence))
    security: Security = [{name: []} for name in schemes]
    if not access.required:
        security.insert(0, {})
    for route, operation in operations:
        entry = _entry(route, operation, [] if route.public else security)
        spec.path(route.path, operations={route.method.lower(): entry})
    return spec.to_dict()


def unwrapped(text: str) -> str:
    """Return Markdown with one line a paragraph, because Swagger UI shows every line break."""
    return re.sub(r"(?<!\n)\n(?![\n-])", " ", text).strip()


def _info() -> dict[str, Any]:
    licence = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    return {
        "summary": "Text to speech, rooms and telephones",
        "description": unwrapped(DESCRIPTION),
        "license": licence,
    }


def _missed(code: str, sentence: str) -> dict[str, Any]:
    example = {"error": sentence, "code": code, "request_id": error_responses.REQUEST_ID}
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "examples": {code: {"value": example}}}
    return {
        "description": sentence,
        "headers": error_responses.REQUEST_ID_HEADER,
        "content": {"application/json": content},
    }


def _operations(routes: Iterable[Route]) -> list[tuple[Route, Operation]]:
    for module in pkgutil.iter_modules(schemas.__path__, f"{schemas.__name__}."):
        # The operations name the schemas by class.
        importlib.import_module(module.name)
    known = read_operations()
    return [(route, known[key]) for route in routes if (key := (route.method, route.path)) in known]


def _entry(route: Route, operation: Operation, security: Security) -> dict[str, Any]:
    raised: list[type[SaynaError]] = [*operation.errors, *error_responses.ALWAYS]
    if operation.request:
        raised += error_responses.WITH_BODY
    if not route.public:
        raised += error_responses.WITH_TOKEN
    parameters = _parameters(operation)
    entry: dict[str, Any] = {
        "operationId": operation.summary.title().replace(" ", ""),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": unwrapped(operation.description),
        "parameters": [*parameters, "X-Request-ID"],
        "responses": {
            **{str(status): _response(response) for status, response in operation.responses.items()},
            **_errors(route, operation, raised),
        },
        "security": security,
    }
    if any(parameter["in"] == "query" for parameter in parameters):
        entry["responses"]["414"] = error_responses.TOO_LONG
    if operation.request:
        entry["requestBody"] = _body(operation)
        for response in entry["responses"].values():
            response["headers"] = {**response.get("headers", {}), "x-ignored-fields": "x-ignored-fields"}
    return entry


def _errors(route: Route, operation: Operation, raised: list[type[SaynaError]]) -> dict[str, Any]:
    if not operation.error_content:
        text_status = partial(_text_status, is_signed=route.path.startswith("/clip/"))
        return error_responses.responses(raised, text_status if operation.plain_errors else None)
    return {"default": _response(ResponseDoc("Any error, in the form of this dialect.", operation.error_content))}


def _text_status(error: type[SaynaError], *, is_signed: bool) -> int:
    return status_of(error, error.status, is_signed=is_signed)


def _parameters(operation: Operation) -> list[Any]:
    by_schema = [{"in": "query", "schema": operation.query}] if operation.query else []
    return [*operation.parameters, *by_schema]


def _body(operation: Operation) -> dict[str, Any]:
    forms = operation.request
    content: dict[str, Any] = {"schema": forms[0] if len(forms) == 1 else {"anyOf": list(forms)}}
    if operation.examples:
        content["examples"] = {name: {"value": dict(body)} for name, body in operation.examples.items()}
    return {"required": operation.needs_body, "content": {operation.media_type: content}}


def _response(response: ResponseDoc) -> dict[str, Any]:
    headers: dict[str, Any] = {name: error_responses.header(sentence) for name, sentence in response.headers.items()}
    headers["X-Request-ID"] = "X-Request-ID"
    content = {kind: {"schema": schema} for kind, schema in response.schemas.items()}
    if response.example is not None:
        content["application/json"]["example"] = response.example
    return {
        "description": response.description,
        "headers": headers,
        **({"content": content} if content else {}),
    }
