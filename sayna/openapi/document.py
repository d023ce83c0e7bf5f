"""The OpenAPI document, built from the operations."""

import copy
import importlib
import pkgutil
import re
from collections.abc import Collection, Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from sayna import __version__, schemas
from sayna.config.auth import AuthConfig
from sayna.config.sources import read_document
from sayna.errors import SaynaError
from sayna.openapi import Route, error_responses
from sayna.openapi.converter import Converter, schema_name
from sayna.openapi.operation import FOLDER, Operation, header, read_operations, read_schemas, response_object
from sayna.speech.clip_errors import status_of

Security = list[dict[str, list[str]]]


def build(routes: Iterable[Route], auth: AuthConfig, folded: Collection[str] = ()) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes; its server is relative to its own address.

    The playground shows the tags in `folded` closed: their endpoints are not configured, or few readers need them.
    """
    plugin = MarshmallowPlugin(schema_name_resolver=schema_name)
    plugin.Converter = Converter
    texts: Any = read_document(FOLDER / "document.yaml")
    licence = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    info = {"summary": texts["summary"], "description": unwrapped(texts["description"]), "license": licence}
    spec = APISpec("Sayna", __version__, "3.1.0", plugins=[plugin], info=info, servers=[{"url": "."}])
    operations = _operations(routes)
    used = {operation.tag for _, operation in operations}
    for tag, description in texts["tags"].items():
        if tag in used:
            spec.tag({"name": tag, "description": description, **({"x-folded": True} if tag in folded else {})})
    schemes = [name for name in texts["schemes"] if name != "api_key" or auth.allow_query_key]
    for name in schemes:
        spec.components.security_scheme(name, texts["schemes"][name])
    spec.components.schema("Error", texts["error"])
    for name, schema in read_schemas().items():
        spec.components.schema(name, schema)
    for name, sentence in texts["headers"].items():
        spec.components.header(name, header(sentence))
    spec.components.parameter("X-Request-ID", "header", texts["request_id"])
    for name, (code, sentence) in texts["missed"].items():
        spec.components.response(name, _missed(code, sentence))
    security: Security = [{name: []} for name in schemes]
    if not auth.required:
        security.insert(0, {})
    for route, operation in operations:
        entry = _entry(route, operation, [] if route.public else security)
        spec.path(route.path, operations={route.method.lower(): entry})
    return spec.to_dict()


def unwrapped(text: str) -> str:
    """Return Markdown with one line a paragraph, because Swagger UI shows every line break."""
    return re.sub(r"(?<!\n)\n(?![\n-])", " ", text).strip()


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
    parameters = [*operation.parameters, *([{"in": "query", "schema": operation.query}] if operation.query else [])]
    entry: dict[str, Any] = {
        "operationId": operation.summary.title().replace(" ", ""),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": unwrapped(operation.description),
        "parameters": [*parameters, "X-Request-ID"],
        "responses": {
            **{str(status): copy.deepcopy(response) for status, response in operation.responses.items()},
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
    if operation.error_content:
        return {"default": response_object("Any error, in the form of this dialect.", content=operation.error_content)}
    if not operation.plain_errors:
        return error_responses.responses(raised)
    is_signed = route.path.startswith("/clip/")
    return error_responses.responses(raised, lambda error: status_of(error, error.status, is_signed=is_signed))


def _body(operation: Operation) -> dict[str, Any]:
    forms = operation.request
    content: dict[str, Any] = {"schema": forms[0] if len(forms) == 1 else {"anyOf": list(forms)}}
    if operation.examples:
        content["examples"] = {name: {"value": dict(body)} for name, body in operation.examples.items()}
    return {"required": operation.needs_body, "content": {operation.media_type: content}}
