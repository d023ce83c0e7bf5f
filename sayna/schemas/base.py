"""The base of all schemas: strict field types, and errors as sentences."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from sayna.errors import InvalidRequest

# The header x-ignored-fields (contract 0).
HEADER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
MAX_NAMES = 20
MAX_HEADER = 500
SURROGATE = re.compile("[\ud800-\udfff]")
# marshmallow's own sentences do not continue the name of a field.
PLAIN_SENTENCES = {
    fields.Field.default_error_messages["required"]: "is required",
    fields.Field.default_error_messages["null"]: "must not be null",
    fields.List.default_error_messages["invalid"]: "must be a list",
    fields.Mapping.default_error_messages["invalid"]: "must be an object",
    Schema().error_messages["type"]: "must be an object",
}


class StrictSchema(Schema):
    """A request: unknown fields are ignored, and null means that a field is absent."""

    elsewhere: ClassVar[Mapping[str, Any]] = {}  # JSON Schema of fields of another form of the request
    refused: ClassVar[Mapping[str, str]] = {}  # fields that are an error, with what to send instead

    class Meta:
        """Ignore unknown fields, because older and newer clients must both work."""

        unknown = EXCLUDE

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        """Return the body without its nulls: the Python SDK sends every optional field."""
        return {name: value for name, value in data.items() if value is not None} if type(data) is dict else data

    def parse(self, body: Mapping[str, Any]) -> Any:
        """Return the loaded body; raises InvalidRequest with one sentence about the first few errors."""
        try:
            return self.load(body)
        except ValidationError as error:
            # The contract limits an error to 4 kB, and each of a hundred entries may have an error.
            sentence = "; ".join(_sentences(error.messages, ""))[:500]
            first = str(next(iter(error.messages)))
            raise InvalidRequest(sentence, field="" if first == "_schema" else first) from error


def _sentences(messages: Any, path: str) -> list[str]:
    """Return the sentences of marshmallow's tree of errors, each behind the path of its field."""
    if isinstance(messages, Mapping):
        return [
            text
            for name, inner in messages.items()
            for text in _sentences(inner, path if name == "_schema" else f"{path}.{name}".lstrip("."))
        ]
    return [f"{path} {PLAIN_SENTENCES.get(text, text)}".strip() for text in messages]


def ignored_fields(schema: StrictSchema, body: Mapping[str, Any]) -> str:
    """Return the names of the fields that the schema ignores, for a header of at most 500 bytes.

    A field inside another has a dotted path. A name that a header cannot carry is left out.
    """
    names = sorted(filter(HEADER_NAME.fullmatch, _ignored(schema, body)))[:MAX_NAMES]
    listed = ", ".join(names)
    # Cut between two names.
    return listed if len(listed) <= MAX_HEADER else listed[: MAX_HEADER + 1].rpartition(", ")[0]


def _ignored(schema: StrictSchema, body: Mapping[str, Any]) -> Iterator[str]:
    for name, value in body.items():
        field = schema.fields.get(name)
        if field is None and value is not None and name not in schema.refused:
            yield name
        elif isinstance(field, fields.Nested) and type(value) is dict:
            yield from (f"{name}.{inner}" for inner in _ignored(cast("StrictSchema", field.schema), value))


# marshmallow 4.4 itself accepts bytes for text, " 12 ", 1_000 and digits of any script for integers, 1.9 for 1,
# and "yes" for true. `type() is` and not isinstance(): to Python, true is an integer.
class StrictString(fields.String):
    """A JSON string."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if type(value) is not str:
            raise ValidationError("must be a string")
        # The command line and pipes have these for bytes that are not UTF-8, and they would never be spoken.
        if SURROGATE.search(value):
            raise ValidationError("must be UTF-8")
        return value


class StrictInteger(fields.Integer):
    """A JSON number without a fraction, as in JSON Schema: 8000.0 and 8e3 too; no string, no boolean."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        number = int(value) if type(value) is float and value.is_integer() else value
        if type(number) is not int:
            raise ValidationError("must be an integer")
        return number


class StrictFloat(fields.Float):
    """A finite JSON number; no string, no boolean."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        try:
            # A file in YAML may have an integer of any length, which no float holds.
            number = float(value) if type(value) in (int, float) else math.nan
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValidationError("must be a number")
        return number


class StrictBoolean(fields.Boolean):
    """JSON true or false."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("must be true or false")
        return value


class StrictDict(fields.Dict):
    """A JSON object with any fields."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise ValidationError("must be an object")
        return value
