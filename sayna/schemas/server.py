"""Answers of GET / and GET /ready."""

from marshmallow import fields

from sayna.schemas.base import AnswerSchema
from sayna.schemas.words import one_of, text


class HealthSchema(AnswerSchema):
    """The process answers."""

    status = one_of("ok")


class ReadySchema(AnswerSchema):
    """Whether work is welcome, and what that depends on."""

    status = one_of("ready")
    version = text("The version of Sayna.")
    checks = fields.Dict(values=one_of("ok", "warn", "failed", "off"))


class NotReadySchema(ReadySchema):
    """The checks that failed, by name, and a sentence about them."""

    status = one_of("unavailable")
    error = text("Which checks failed.")
    code = one_of("NOT_READY")
