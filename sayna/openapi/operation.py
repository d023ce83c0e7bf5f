"""What the document says of each endpoint: the files of operations/, whose format is Operation and response_object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sayna.audio import FORMATS, SAMPLE_RATES
from sayna.audio.file_endings import ENDINGS
from sayna.config import TENANT
from sayna.config.sip import EVENTS
from sayna.config.sip_address import PATTERN
from sayna.config.sources import read_document
from sayna.errors import SaynaError
from sayna.schemas import vocabulary
from sayna.schemas.livekit import PLAIN, Name
from sayna.schemas.recording import STREAM_ID
from sayna.schemas.sip import MAX_CREDENTIAL
from sayna.schemas.vocabulary import FORMAT_NAMES, PROVIDER_NAMES
from sayna.speech.own_voices import ALIAS
from sayna.speech.usage import MONTH
from sayna.speech.voices.languages import TAG
from sayna.speech.voices.normalize import GENDERS

FOLDER = Path(__file__).parent
BYTES = {"type": "string", "format": "binary"}
# JSON Schema of the texts whose values the code knows; parameters and properties name them.
STRINGS: dict[str, Mapping[str, Any]] = {
    "audio_format": {"enum": list(FORMATS)},
    "clip_ending": {"enum": list(ENDINGS)},
    "credential": {"maxLength": MAX_CREDENTIAL, "pattern": f"^{PLAIN}*$"},
    "credentials": {"description": vocabulary.credentials()},
    "format_name": {"enum": [*FORMAT_NAMES, ""]},
    "hook_event": {"enum": list(EVENTS)},
    "month": {"pattern": f"^({MONTH.pattern})?$"},
    "room_name": Name().metadata,
    "sample_rate": {"enum": list(SAMPLE_RATES)},
    "sip_address": {"pattern": PATTERN},
    "stream_id": STREAM_ID,
    "tenant": {"pattern": rf"^\s*({TENANT.pattern})?\s*$"},
    "voice_gender": {"enum": list(GENDERS)},
    "voice_settings": {"description": vocabulary.voice_settings()},
    "voices_gender": {"enum": ["", *GENDERS]},
    "voices_language": {"pattern": rf"^\s*({TAG.pattern})?\s*$"},
    "voices_provider": {"enum": ["", *PROVIDER_NAMES, ALIAS]},
}


def header(sentence: str) -> dict[str, Any]:
    """Return OpenAPI's object of a response header."""
    return {"description": sentence, "schema": {"type": "string"}}


def response_object(
    description: str,
    *,
    content: Mapping[str, Any] = MappingProxyType({}),
    schema: Any = None,
    fields: Sequence[str] = (),
    audio: Sequence[str] = (),
    headers: Mapping[str, str] = MappingProxyType({}),
    example: Any = None,
) -> dict[str, Any]:
    """Return OpenAPI's object of a response.

    `content` is media type -> schema. Shorter are `schema` and `fields` for JSON (`fields` are the names that an object
    has), and `audio` for the types of bytes. `headers` is name -> sentence; a file may name a group of shared.yaml.
    """
    schemas = {**content, **dict.fromkeys(audio, BYTES)}
    if fields:
        schema = {"type": "object", "required": list(fields), "properties": {name: {} for name in fields}}
    if schema:
        schemas["application/json"] = schema
    named = {name: header(sentence) for name, sentence in headers.items()}
    found: dict[str, Any] = {"description": description, "headers": {**named, "X-Request-ID": "X-Request-ID"}}
    if schemas:
        found["content"] = {kind: {"schema": each} for kind, each in schemas.items()}
    if example is not None:
        found["content"]["application/json"]["example"] = example
    return found


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client must know about one method of one path.

    A schema is JSON Schema, or the name of a class in sayna.schemas or of an object in schemas.yaml. `request` has one
    for each form of the body, and `query` is one. `examples` are bodies that the server accepts unchanged. `errors`
    names the classes of this endpoint only; the document adds the errors of every endpoint. Where they are plain text,
    `plain_errors` is true. `error_content` is media type -> schema of the errors of a dialect, which has no list of
    them.
    """

    tag: str
    summary: str
    responses: Mapping[int, dict[str, Any]]
    description: str = ""
    request: Sequence[Any] = ()
    needs_body: bool = True
    media_type: str = "application/json"
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: str = ""
    parameters: Sequence[Mapping[str, Any]] = ()
    errors: Sequence[type[SaynaError]] = ()
    error_content: Mapping[str, Any] = field(default_factory=dict)
    plain_errors: bool = False


@cache
def read_operations() -> dict[tuple[str, str], Operation]:
    """Return the operations by method and path; apispec changes their responses, so the document copies them."""
    headers: Any = read_document(FOLDER / "shared.yaml")
    errors = {error.__name__: error for error in _subclasses(SaynaError)}
    found: dict[tuple[str, str], Operation] = {}
    for path in (FOLDER / "operations").glob("*.yaml"):
        file: Any = read_document(path)
        for key, entry in file["operations"].items():
            of_file = {"tag": file["tag"], "error_content": file.get("error_content", {})}
            operation = _operation({**of_file, **entry}, headers, errors)
            methods, _, place = key.rpartition(" ")
            found |= {(method, place): operation for method in methods.split(", ")}
    return found


@cache
def read_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each object in schemas.yaml."""
    file: Any = read_document(FOLDER / "schemas.yaml")
    return {name: _object(entry) for name, entry in file.items()}


@cache
def read_fields() -> dict[str, dict[str, Any]]:
    """Return what fields.yaml says of the fields of each schema, by the name of its class."""
    file: Any = read_document(FOLDER / "fields.yaml")
    return {f"{name}Schema": entry for name, entry in file.items()}


def described(field_of_schema: Any) -> dict[str, Any]:
    """Return the JSON Schema that fields.yaml has of a field of a request, under its class or one above it."""
    for cls in type(field_of_schema.parent).__mro__:
        if (entry := read_fields().get(cls.__name__, {}).get(field_of_schema.name)) is not None:
            found = {"description": entry} if isinstance(entry, str) else dict(entry)
            return {**STRINGS.get(found.pop("like", ""), {}), **found}
    return {}


def _object(entry: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _property(schema) for name, schema in entry["properties"].items()}
    return {
        "type": "object",
        "description": entry["description"],
        "properties": properties,
        "required": sorted(properties.keys() - entry.get("optional", ())),
        "additionalProperties": False,
    }


def _property(schema: Any) -> dict[str, Any]:
    if isinstance(schema, str):
        return {"type": "string", **STRINGS[schema]}
    return {**schema, "items": _property(schema["items"])} if "items" in schema else dict(schema)


def _operation(entry: dict[str, Any], headers: dict[str, Any], errors: dict[str, type[SaynaError]]) -> Operation:
    responses = {}
    for status, response in entry["responses"].items():
        named = response.get("headers", {})
        shared = headers[named] if isinstance(named, str) else named
        responses[status] = response_object(**{**response, "headers": shared})
    resolved = {
        "responses": responses,
        "parameters": [_parameter(each) for each in _flat(entry.get("parameters", ()))],
        "errors": [errors[name] for name in _flat(entry.get("errors", ()))],
    }
    return Operation(**{**entry, **resolved})


def _parameter(given: dict[str, Any]) -> dict[str, Any]:
    schema = given.get("schema", {})
    found = {**given, "schema": {"type": "string", **_property(schema)}}
    return {**found, "required": True} if given["in"] == "path" else found


def _flat(entries: Sequence[Any]) -> Iterator[Any]:
    """Yield the entries; an entry that is a list is one that several operations share."""
    for entry in entries:
        yield from entry if isinstance(entry, list) else [entry]


def _subclasses(of: type[SaynaError]) -> Iterator[type[SaynaError]]:
    for cls in of.__subclasses__():
        yield cls
        yield from _subclasses(cls)
