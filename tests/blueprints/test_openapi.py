"""GET /openapi.json documents every route, schema and error."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from openapi_spec_validator import validate

from sayna.blueprints import errors as framework
from sayna.errors import SaynaError
from sayna.openapi.operation import read_fields
from sayna.schemas.base import StrictSchema
from sayna.speech.clip_errors import ClipExpired, ClipNotFound, CrossSiteRequest, OpenVendorsDisabled
from tests.blueprints.conftest import MakeClient

ONLY_IN_THE_LOG = {"CALLER_GONE"}
# Errors of /clip and /say are a line of text, so the document has their sentences and no examples.
ONLY_AS_TEXT = (ClipExpired, ClipNotFound, CrossSiteRequest, OpenVendorsDisabled)
# The schema of a file of the operator, which no request has.
OF_FILES = "sayna.schemas.speak"
JSON_TYPES = {
    fields.String: "string",
    fields.Integer: "integer",
    fields.Float: "number",
    fields.Boolean: "boolean",
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    return document


def everything_below(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(found for each in inner for found in everything_below(each))]


def all_subclasses(of: type[Any]) -> list[type[Any]]:
    return [found for cls in of.__subclasses__() for found in (cls, *all_subclasses(cls))]


def schema_classes(kind: type[Schema]) -> list[type[Schema]]:
    return [cls for cls in all_subclasses(kind) if cls.__module__.startswith("sayna.") and cls.__module__ != OF_FILES]


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_every_route_of_the_api_is_documented(client: FlaskClient, document: dict[str, Any]) -> None:
    app: Flask = client.application
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith("/elevenlabs/")  # second paths of documented routes
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    files_of_pages = {("GET", f"/{page}/{{name}}") for page in ("docs", "studio", "help/files")}

    assert files_of_pages <= served
    assert set(operations(document)) == served - files_of_pages


def test_every_path_variable_is_described(document: dict[str, Any]) -> None:
    for (_, path), operation in operations(document).items():
        described = {each["name"] for each in operation["parameters"] if each.get("in") == "path"}
        assert described == set(re.findall(r"{(\w+)}", path))


def test_every_schema_and_field_is_documented(document: dict[str, Any]) -> None:
    shown = document["components"]["schemas"]
    queries = {each.get("name") for operation in operations(document).values() for each in operation["parameters"]}
    for cls in schema_classes(StrictSchema):
        known = shown.get(cls.__name__.removesuffix("Schema"), {"properties": queries})["properties"]
        assert set(cls().fields) <= set(known), cls


def test_every_described_field_is_one_of_its_schema() -> None:
    known = {cls.__name__: set(cls._declared_fields) for cls in all_subclasses(StrictSchema)}
    assert {name for name, entry in read_fields().items() if not set(entry) <= known[name]} == set()


def test_strict_field_has_the_json_type_that_it_accepts(document: dict[str, Any]) -> None:
    for cls in schema_classes(StrictSchema):
        properties = (
            document["components"]["schemas"].get(cls.__name__.removesuffix("Schema"), {}).get("properties", {})
        )
        for name, shown in properties.items():
            field = cls().fields.get(name)
            wanted = next((word for kind, word in JSON_TYPES.items() if isinstance(field, kind)), None)
            assert wanted is None or wanted in (shown["type"], *shown["type"]), (cls, name)


def test_limits_are_documented(document: dict[str, Any]) -> None:
    voice = document["components"]["schemas"]["Voice"]["properties"]
    word = document["components"]["schemas"]["Pronunciation"]["properties"]["word"]

    assert (voice["speaking_rate"]["minimum"], voice["speaking_rate"]["maximum"]) == (0.25, 4.0)
    assert voice["request_timeout"]["exclusiveMinimum"] == 0
    assert voice["pronunciations"]["maxItems"] == 100
    assert (word["minLength"], word["maxLength"]) == (1, 64)
    assert voice["sample_rate"]["enum"] == [8000, 16000, 22050, 24000, 32000, 44100, 48000, None]
    assert "opus" in voice["audio_format"]["enum"]
    assert "espeak" in voice["provider"]["enum"]


def test_only_optional_fields_may_be_null(document: dict[str, Any]) -> None:
    flat = document["components"]["schemas"]["FlatSpeak"]

    assert flat["required"] == ["text"]
    assert flat["properties"]["text"]["type"] == "string"
    assert flat["properties"]["voice_id"]["type"] == ["string", "null"]


def test_query_parameter_is_never_null(document: dict[str, Any]) -> None:
    [limit] = [each for each in document["paths"]["/recording"]["get"]["parameters"] if each.get("name") == "limit"]

    assert limit["schema"]["type"] == "integer"
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (
        1,
        1000,
        100,
    )


def test_speak_has_two_request_and_two_response_forms(document: dict[str, Any]) -> None:
    operation = document["paths"]["/speak"]["post"]
    forms = operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    answer = operation["responses"]["200"]

    assert [form["$ref"].rpartition("/")[2] for form in forms] == ["FlatSpeak", "NestedSpeak"]
    assert {"application/json", "audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/pcm"} <= set(
        answer["content"]
    )
    assert {"x-voice-id", "x-sample-rate", "x-cache", "ETag", "X-Request-ID"} <= set(answer["headers"])


def test_every_error_code_has_an_example(document: dict[str, Any]) -> None:
    shown = {
        name
        for each in everything_below(document)
        if isinstance(each, dict)
        for name, example in (each.get("examples") or {}).items()
        if isinstance(example, dict) and example.get("value", {}).get("code") == name
    }
    errors: list[type[SaynaError]] = [SaynaError, *all_subclasses(SaynaError)]
    raised = {cls.code for cls in errors if cls not in ONLY_AS_TEXT} - ONLY_IN_THE_LOG
    answered = {code for code, _ in framework.FRAMEWORK.values()}
    tokens = {"MISSING_AUTH_HEADER", "INVALID_AUTH_HEADER", "UNAUTHORIZED"}

    assert shown >= raised | answered | tokens


def test_every_error_that_is_text_has_its_sentence(document: dict[str, Any]) -> None:
    responses = [
        response
        for (_, path), operation in operations(document).items()
        if path.startswith(("/clip/", "/say."))
        for status, response in operation["responses"].items()
        if int(status) >= 400
    ]

    # What gunicorn refuses by itself is a page.
    assert {kind for response in responses for kind in response["content"]} == {"text/plain", "text/html"}
    told = "\n".join(response["description"] for response in responses)
    for error in ONLY_AS_TEXT:
        assert (error.__doc__ or "?") in told, error


def test_error_examples_have_the_shape_of_errors(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json", {})
            for name, example in content.get("examples", {}).items():
                assert int(status) >= 400
                assert example["value"].keys() - {"message"} == {"error", "code", "request_id"}
                assert name in content["schema"]["allOf"][1]["properties"]["code"]["enum"]


@pytest.mark.parametrize(
    ("settings", "schemes", "without"),
    [
        ({"AUTH_REQUIRED": "false"}, ["bearer", "x_api_key", "api_key"], [{}]),
        ({"AUTH_REQUIRED": "true"}, ["bearer", "x_api_key", "api_key"], []),
        ({"AUTH_REQUIRED": "true", "AUTH_ALLOW_QUERY_KEY": "false"}, ["bearer", "x_api_key"], []),
    ],
)
def test_document_says_how_to_send_a_token(
    make_client: MakeClient, settings: dict[str, str], schemes: list[str], without: list[Any]
) -> None:
    document = make_client(AUTH_API_SECRET="a-secret-of-the-tests", **settings).get("/openapi.json").get_json()

    assert list(document["components"]["securitySchemes"]) == schemes
    assert document["paths"]["/speak"]["post"]["security"] == [*without, *({name: []} for name in schemes)]
    assert document["paths"]["/"]["get"]["security"] == []


@pytest.mark.parametrize(("path", "least", "status"), [("/speak", 4, 200), ("/clips", 2, 201)])
def test_every_example_body_is_accepted(
    client: FlaskClient, document: dict[str, Any], path: str, least: int, status: int
) -> None:
    examples = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]

    assert len(examples) >= least
    for example in examples.values():
        assert client.post(path, json=example["value"]).status_code == status
