"""Responses of GET /usage and GET /limits."""

import re

from marshmallow import fields

from sayna.errors import InvalidRequest
from sayna.schemas.base import DocumentationSchema, string_field

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def load_month(text: str, default: str) -> str:
    """Return a month such as 2026-11, `default` for an empty text; raises InvalidRequest."""
    if text and not MONTH.fullmatch(text):
        raise InvalidRequest("month must be a year and a month such as 2026-11")
    return text or default


class CharactersSchema(DocumentationSchema):
    """Characters of one provider."""

    billed = fields.Integer(metadata={"description": "Characters that the provider was paid for."})
    saved = fields.Integer(metadata={"description": "Characters whose audio was there already."})


class UsageSchema(CharactersSchema):
    """The characters of a month."""

    month = string_field("The month in UTC.")
    tenant = fields.String(allow_none=True, metadata={"description": "The tenant; null without one."})
    limit = fields.Integer(allow_none=True, metadata={"description": "The cap of each month; null is no limit."})
    providers = fields.Dict(values=fields.Nested(CharactersSchema))


class LimitsSchema(DocumentationSchema):
    """What the caller may send."""

    audio_formats = fields.List(fields.String(), metadata={"description": "The audio formats."})
    sample_rates = fields.List(fields.Integer(), metadata={"description": "The sample rates, in Hz."})
    max_text_chars = fields.Integer(metadata={"description": "The longest text, in characters."})
    providers = fields.List(fields.String(), metadata={"description": "The providers, the preferred one first."})
    characters_per_month = fields.Integer(allow_none=True, metadata={"description": "The cap; null is no limit."})
    characters_left = fields.Integer(
        allow_none=True, metadata={"description": "What is left of the cap; null without one, or when it is unknown."}
    )
