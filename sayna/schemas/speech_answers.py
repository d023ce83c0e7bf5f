"""Answers of POST /speak. The metadata of the envelope and the `x-` headers take their names from here."""

from marshmallow import fields

from sayna import audio
from sayna.schemas.base import AnswerSchema, StrictBoolean, StrictString
from sayna.schemas.words import one_of, text, whole


class SpeechMetadataSchema(AnswerSchema):
    """The metadata of the audio, with every default filled in."""

    provider = text("The provider that rendered the audio.")
    voice_id = text()
    model = text("Empty where the vendor has none.")
    language = text("BCP 47; empty where only the vendor knows.")
    audio_format = one_of(*audio.FORMATS)
    content_type = text("Media type of the audio.")
    sample_rate = whole("Hz.")
    channels = whole("1 is mono.")
    duration_ms = whole("Milliseconds.")
    size_bytes = whole("Size of the audio before base64.")
    characters = whole("Characters of the text that the vendor received.")
    speaking_rate = fields.Float(metadata={"description": "The one used."})
    cached = StrictBoolean(metadata={"description": "Whether the audio came from the cache."})
    cache_key = text("SHA-256 of everything that changes the sound.", pattern="^[0-9a-f]{64}$")


class SpeechEnvelopeSchema(AnswerSchema):
    """Audio in JSON."""

    metadata = fields.Nested(SpeechMetadataSchema)
    audio = StrictString(metadata={"description": "Base64.", "format": "byte"})


METADATA_FIELDS = tuple(SpeechMetadataSchema().fields)
# The metadata that is known before the first byte of audio, and so fits into response headers.
HEADER_FIELDS = {
    f"x-{name.replace('_', '-')}": name for name in ("provider", "voice_id", "audio_format", "sample_rate", "channels")
}
