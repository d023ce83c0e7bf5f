"""From marshmallow to JSON Schema: the meaning of the strict schemas, which apispec does not know."""

from typing import Any

from apispec.ext.marshmallow.common import get_fields, resolve_schema_cls
from apispec.ext.marshmallow.openapi import OpenAPIConverter

from sayna.openapi.operation import described
from sayna.schemas.base import StrictSchema


def schema_name(schema: Any) -> str:
    """Return the name of a schema in the document: its class name without `Schema`."""
    cls = resolve_schema_cls(schema)
    return (cls[0] if isinstance(cls, list) else cls).__name__.removesuffix("Schema")


class Converter(OpenAPIConverter):
    """Adds null for optional fields, the required fields, and exclusive bounds."""

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Return the schema with its docstring, and with the required fields."""
        converted: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        needed = [name for name, field in get_fields(schema).items() if _is_needed(field)]
        if needed:
            converted["required"] = sorted(needed)
        converted["properties"].update(getattr(schema, "elsewhere", {}))
        converted.setdefault("description", " ".join((type(schema).__doc__ or "").split()))
        return converted

    def field2property(self, field: Any) -> dict[str, Any]:
        """Return the field; an optional field may also be null."""
        converted: dict[str, Any] = {**super().field2property(field), **described(field)}
        converted.pop("needed", None)
        for bound, exclusive in (("minimum", "min_inclusive"), ("maximum", "max_inclusive")):
            if bound in converted and not all(getattr(rule, exclusive, True) for rule in field.validators):
                converted[f"exclusive{bound.capitalize()}"] = converted.pop(bound)
        # The parent of an entry is its list, in which null means null.
        is_optional = isinstance(field.parent, StrictSchema) and not _is_needed(field)
        return _or_null(converted) if is_optional else converted

    # Private in apispec, which has no public method for this. requirements.txt pins its version.
    def _field2parameter(self, field: Any, *, name: str, location: str) -> dict[str, Any]:
        """Return the parameter; a query has no null."""
        converted: dict[str, Any] = super()._field2parameter(field, name=name, location=location)
        schema = converted["schema"]
        if isinstance(kind := schema.get("type"), list):
            schema["type"] = kind[0]
        if schema.get("default", "") is None:
            del schema["default"]
        return converted


def _is_needed(field: Any) -> bool:
    return bool(described(field).get("needed", field.required))


def _or_null(converted: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in converted:
        reference = {"$ref": converted.pop("$ref")}
        return {**converted, "anyOf": [reference, {"type": "null"}]}
    if isinstance(kind := converted.get("type"), str):
        converted["type"] = [kind, "null"]
    if "enum" in converted:
        converted["enum"] = [*converted["enum"], None]
    return converted
