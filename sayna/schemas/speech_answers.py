"""Answers of POST /speak."""

from marshmallow import fields

from sayna import audio
from sayna.schemas.base import AnswerSchema, StrictBoolean, StrictString
from sayna.schemas.words import one_of, text, whole


class SpeechMetadataSchema(AnswerSchema):
    """What was rendered, with every default filled in."""

    provider = text("Who spoke.")
    voice_id = text()
    model = text("Empty where the vendor has none.")
    language = text("BCP 47; empty where only the vendor knows.")
    audio_format = one_of(*audio.FORMATS)
    content_type = text("Media type of the audio.")
    sample_rate = whole("Hz.")
    channels = whole("1 is mono.")
    duration_ms = whole("Milliseconds.")
    size_bytes = whole("Size of the audio before base64.")
    characters = whole("What the vendor was given to say, which is what it counts.")
    speaking_rate = fields.Float(metadata={"description": "The one used."})
    cached = StrictBoolean(metadata={"description": "Whether the audio was there already."})
    cache_key = text("SHA-256 of everything that changes the sound.", pattern="^[0-9a-f]{64}$")


class SpeechEnvelopeSchema(AnswerSchema):
    """Audio in JSON."""

    metadata = fields.Nested(SpeechMetadataSchema)
    audio = StrictString(metadata={"description": "Base64.", "format": "byte"})
