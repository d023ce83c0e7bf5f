"""Answers of GET / and GET /ready."""

from marshmallow import fields

from sayna.schemas.base import DocumentationSchema, choice_field


class HealthSchema(DocumentationSchema):
    """The process answers."""

    status = choice_field("ok")


class ReadySchema(DocumentationSchema):
    """Whether work is welcome, and what that depends on."""

    status = choice_field("ready", "unavailable")
    checks = fields.Dict(values=choice_field("ok", "failed"))
