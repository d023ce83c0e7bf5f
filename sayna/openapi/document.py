"""The document as a whole."""

import re
from collections.abc import Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from sayna import __version__
from sayna.errors import SaynaError
from sayna.openapi import errors as faults
from sayna.openapi.converter import Converter, schema_name
from sayna.openapi.operation import AccessRule, Operation, ResponseDoc, Route

Security = list[dict[str, list[str]]]

TAGS = {
    "Speech": "Text in, speech out; the voices there are.",
    "Rooms": "LiveKit: tokens to enter a room, and what goes on in it.",
    "Recordings": "What was said in a room, to keep.",
    "Telephone": "Calls over SIP.",
    "Server": "Is it there, is it ready.",
    "Pages": "For people, in a browser; public where everything else asks for a token.",
}
DESCRIPTION = """\
One plain HTTP API over every text-to-speech vendor, LiveKit rooms, recordings and telephone calls.

Bodies are JSON objects. Fields that an endpoint does not know are ignored, and `null` means absent.
Every answer carries `X-Request-ID`; send your own to find a request in the server's log again.
Every answer carries `X-Content-Type-Options: nosniff`, and every path that takes GET takes HEAD.
"""
REQUEST_ID = {
    "description": "Yours, of 1 to 64 letters, digits and `. _ -`; else the server makes one up.",
    "schema": {"type": "string"},
}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <token>`"},
    "api_key": {
        "type": "apiKey",
        "in": "query",
        "name": "api_key",
        "description": "The same token in the address, where no header can be sent.",
    },
}
MISSED = {
    "NotFound": (404, "NOT_FOUND", "No route matches this path."),
    "MethodNotAllowed": (
        405,
        "METHOD_NOT_ALLOWED",
        "This path does not support this method; see the Allow header.",
    ),
}


def build(routes: Iterable[Route], access: AccessRule) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes; addresses in it are relative to its own."""
    plugin = MarshmallowPlugin(schema_name_resolver=schema_name)
    plugin.Converter = Converter
    spec = APISpec("Sayna", __version__, "3.1.0", plugins=[plugin], info=_info(), servers=[{"url": "."}])
    routes = tuple(routes)
    used = {route.operation.tag for route in routes}
    for tag in filter(used.__contains__, TAGS):
        spec.tag({"name": tag, "description": TAGS[tag]})
    schemes = [name for name in SCHEMES if name == "bearer" or access.in_query]
    for name in schemes:
        spec.components.security_scheme(name, SCHEMES[name])
    spec.components.schema("Error", faults.ERROR)
    spec.components.header("X-Request-ID", faults.header("Finds the request in the server's log."))
    spec.components.parameter("X-Request-ID", "header", {"name": "X-Request-ID", **REQUEST_ID})
    for name, (_, code, sentence) in MISSED.items():
        spec.components.response(name, _missed(code, sentence))
    security: Security = [{name: []} for name in schemes]
    if not access.required:
        security.insert(0, {})
    for route in routes:
        entry = _entry(route, [] if route.public else security)
        spec.path(route.path, operations={route.method.lower(): entry})
    return spec.to_dict()


def unwrapped(text: str) -> str:
    """Return Markdown with one line a paragraph: Swagger UI shows every end of a line."""
    return re.sub(r"(?<!\n)\n(?![\n-])", " ", text).strip()


def _info() -> dict[str, Any]:
    licence = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    return {
        "summary": "Text to speech, rooms and telephones",
        "description": unwrapped(DESCRIPTION),
        "license": licence,
    }


def _missed(code: str, sentence: str) -> dict[str, Any]:
    example = {"error": sentence, "code": code, "request_id": faults.REQUEST_ID}
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "examples": {code: {"value": example}}}
    return {
        "description": sentence,
        "headers": faults.REQUEST_ID_HEADER,
        "content": {"application/json": content},
    }


def _entry(route: Route, security: Security) -> dict[str, Any]:
    operation = route.operation
    errors: list[type[SaynaError]] = [*operation.errors, *faults.ALWAYS]
    if operation.request:
        errors += faults.WITH_BODY
    if not route.public:
        errors += faults.WITH_TOKEN
    parameters = _parameters(route)
    entry: dict[str, Any] = {
        "operationId": operation.summary.title().replace(" ", ""),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": unwrapped(operation.description),
        "parameters": [*parameters, "X-Request-ID"],
        "responses": {
            **{str(status): _answer(answer) for status, answer in operation.answers.items()},
            **faults.responses(errors),
        },
        "security": security,
    }
    if operation.may_be_missing:
        entry["responses"]["404"] = "NotFound"
    if any(parameter["in"] == "query" for parameter in parameters):
        entry["responses"]["414"] = faults.TOO_LONG
    if operation.request:
        entry["requestBody"] = _body(operation)
    return entry


def _parameters(route: Route) -> list[Any]:
    by_schema = [{"in": "query", "schema": route.operation.query}] if route.operation.query else []
    return [*route.operation.parameters, *by_schema]


def _body(operation: Operation) -> dict[str, Any]:
    forms = operation.request
    content: dict[str, Any] = {"schema": forms[0] if len(forms) == 1 else {"oneOf": list(forms)}}
    if operation.examples:
        content["examples"] = {name: {"value": dict(body)} for name, body in operation.examples.items()}
    return {"required": True, "content": {operation.media_type: content}}


def _answer(answer: ResponseDoc) -> dict[str, Any]:
    headers: dict[str, Any] = {name: faults.header(sentence) for name, sentence in answer.headers.items()}
    headers["X-Request-ID"] = "X-Request-ID"
    content = {kind: {"schema": schema} for kind, schema in answer.content.items()}
    if answer.example is not None:
        content["application/json"]["example"] = answer.example
    return {
        "description": answer.description,
        "headers": headers,
        **({"content": content} if content else {}),
    }
