"""Answers of GET /voices."""

from marshmallow import fields, validate

from sayna.schemas.base import AnswerSchema, StrictInteger, StrictString
from sayna.schemas.words import text
from sayna.speech.voices import GENDERS

MAYBE = {"needed": False, "description": "Where the vendor tells."}


class VoiceDescriptionSchema(AnswerSchema):
    """One voice."""

    id = text("The `voice_id` of `POST /speak`.")
    sample = text("Address of a clip to listen to; may be empty.")
    name = text()
    accent = text("`Unknown` where the vendor does not tell.")
    gender = StrictString(validate=validate.OneOf(GENDERS))
    language = text("BCP 47, or `Unknown`.")
    provider = text("Provider of the voice.")
    languages = fields.List(StrictString(), metadata=MAYBE)
    sample_rates = fields.List(StrictInteger(), metadata=MAYBE)
    tags = fields.List(StrictString(), metadata=MAYBE)
    description = StrictString(metadata=MAYBE)
