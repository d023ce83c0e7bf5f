"""Responses of GET / and GET /ready."""

from marshmallow import fields

from sayna.schemas.base import DocumentationSchema, choice_field


class HealthSchema(DocumentationSchema):
    """The process answers."""

    status = choice_field("ok")


class ReadySchema(DocumentationSchema):
    """Whether the server takes requests, and the checks behind that."""

    status = choice_field("ready", "unavailable")
    checks = fields.Dict(values=choice_field("ok", "failed"))
