"""Answers of GET /voices."""

from marshmallow import fields, validate

from sayna.schemas.base import DocumentationSchema, StrictInteger, StrictString, string_field
from sayna.speech.voices import GENDERS

MAYBE = {"needed": False, "description": "Where the vendor tells."}


class VoiceDescriptionSchema(DocumentationSchema):
    """One voice."""

    id = string_field("What `voice_id` of `POST /speak` takes.")
    sample = string_field("Address of a clip to listen to; may be empty.")
    name = string_field()
    accent = string_field("`Unknown` where the vendor does not tell.")
    gender = StrictString(validate=validate.OneOf(GENDERS))
    language = string_field("BCP 47, or `Unknown`.")
    provider = string_field("Whose voice it is.")
    languages = fields.List(StrictString(), metadata=MAYBE)
    sample_rates = fields.List(StrictInteger(), metadata=MAYBE)
    tags = fields.List(StrictString(), metadata=MAYBE)
    description = StrictString(metadata=MAYBE)
