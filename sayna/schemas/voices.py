"""Responses of GET /voices."""

from marshmallow import fields, validate

from sayna.schemas.base import DocumentationSchema, StrictInteger, StrictString, string_field
from sayna.speech.voices.normalize import GENDERS

MAYBE = {"needed": False, "description": "Only where the vendor gives it."}


class VoiceDescriptionSchema(DocumentationSchema):
    """One voice."""

    id = string_field("The `voice_id` for `POST /speak`.")
    sample = string_field("URL of a sample; may be empty.")
    name = string_field()
    accent = string_field("`Unknown` where the vendor does not give it.")
    gender = StrictString(validate=validate.OneOf(GENDERS))
    language = string_field("BCP 47, or `Unknown`.")
    provider = string_field("The vendor of the voice.")
    languages = fields.List(StrictString(), metadata=MAYBE)
    sample_rates = fields.List(StrictInteger(), metadata=MAYBE)
    tags = fields.List(StrictString(), metadata=MAYBE)
    description = StrictString(metadata=MAYBE)
    chain = fields.List(
        StrictString(),
        metadata={"needed": False, "description": "The targets of a voice of your own, the first one first."},
    )
