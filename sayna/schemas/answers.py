"""What good answers hold: nothing is dumped by these, but the reference shows them and tests hold to them."""

from typing import Any

from marshmallow import fields, validate

from sayna.schemas.base import AnswerSchema, Flag, Text, Whole
from sayna.tts import audio


def text(description: str = "", **metadata: Any) -> Text:
    """Return a string of an answer."""
    return Text(metadata={"description": description, **metadata} if description else metadata)


def whole(description: str, **metadata: Any) -> Whole:
    """Return a number of an answer that counts or measures, so it is not below 0."""
    return Whole(metadata={"description": description, "minimum": 0, **metadata})


def one_of(*words: str) -> Text:
    """Return a string of an answer that is one of a few words."""
    return Text(validate=validate.OneOf(words))


class HealthSchema(AnswerSchema):
    """The process answers."""

    status = one_of("ok")


class ReadySchema(AnswerSchema):
    """Whether work is welcome, and what that depends on."""

    status = one_of("ready", "unavailable")
    checks = fields.Dict(values=one_of("ok", "failed"))


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
    cached = Flag(metadata={"description": "Whether the audio was there already."})
    cache_key = text("SHA-256 of everything that changes the sound.", pattern="^[0-9a-f]{64}$")


class SpeechEnvelopeSchema(AnswerSchema):
    """Audio in JSON."""

    metadata = fields.Nested(SpeechMetadataSchema)
    audio = Text(metadata={"description": "Base64.", "contentEncoding": "base64"})
