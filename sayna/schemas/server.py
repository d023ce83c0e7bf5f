"""Responses of GET / and GET /ready."""

from marshmallow import fields

from sayna.schemas.base import DocumentationSchema, choice_field, string_field


class HealthSchema(DocumentationSchema):
    """The process answers."""

    status = choice_field("ok")


class ReadySchema(DocumentationSchema):
    """Whether the server takes requests, and the checks behind that."""

    status = choice_field("ready")
    version = string_field("The version of Sayna.")
    checks = fields.Dict(values=choice_field("ok", "warn", "failed", "off"))


class NotReadySchema(ReadySchema):
    """The checks that failed, by name, and a sentence about them."""

    status = choice_field("unavailable")
    error = string_field("Which checks failed.")
    code = choice_field("NOT_READY")
