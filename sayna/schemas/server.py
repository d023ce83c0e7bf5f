"""Answers of GET / and GET /ready."""

from marshmallow import fields

from sayna.schemas.base import AnswerSchema
from sayna.schemas.words import one_of


class HealthSchema(AnswerSchema):
    """The process answers."""

    status = one_of("ok")


class ReadySchema(AnswerSchema):
    """Whether work is welcome, and what that depends on."""

    status = one_of("ready", "unavailable")
    checks = fields.Dict(values=one_of("ok", "failed"))
