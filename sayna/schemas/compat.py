"""Requests of the dialects of other servers: unknown fields are ignored, wrong types are not."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from sayna.schemas.base import StrictFloat, StrictSchema, StrictString
from sayna.schemas.speak import VoiceSchema

OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"
)  # fmt: skip
EXTENSIONS = ("provider", "language", "sample_rate", "voice_settings", "pronunciations")


class VoiceReference(fields.Field[str]):
    """The name of a voice, or an object with its `id`, as newer SDKs of OpenAI send it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        found = value.get("id") if type(value) is dict else value
        if type(found) is not str:
            raise ValidationError('must be a string, or an object such as {"id": "alloy"}')
        return found


class OpenAISpeechSchema(VoiceSchema):
    """The body of OpenAI's speech endpoint, and a few fields of `POST /speak` beside it."""

    class Meta(VoiceSchema.Meta):
        """Of the fields of POST /speak, only those that no field of OpenAI means already."""

        fields = ("input", "model", "voice", "response_format", "speed", "instructions", "stream_format", *EXTENSIONS)

    input = StrictString()
    model = StrictString()
    voice = VoiceReference()  # type: ignore[assignment]  # SDKs of OpenAI send an object too
    response_format = StrictString()
    speed = StrictFloat(validate=validate.Range(0.25, 4.0, error="must lie between 0.25 and 4.0"))
    instructions = StrictString()
    stream_format = StrictString(validate=validate.OneOf(("audio", "sse"), error="must be audio or sse"))


class ElevenLabsSettingsSchema(StrictSchema):
    """`voice_settings` of ElevenLabs; all but the speed count for that provider only."""

    speed = StrictFloat(validate=validate.Range(0.7, 1.2, error="must lie between 0.7 and 1.2"))
    stability = StrictFloat()
    similarity_boost = StrictFloat()
    style = StrictFloat()
    use_speaker_boost = fields.Raw()


class ElevenLabsSpeechSchema(StrictSchema):
    """The body of ElevenLabs's speech endpoint."""

    text = StrictString(required=True)
    model_id = StrictString()
    language_code = StrictString()
    voice_settings = fields.Nested(ElevenLabsSettingsSchema)


class JambonzSpeechSchema(StrictSchema):
    """The body of a custom speech vendor of jambonz."""

    text = StrictString()
    type = StrictString()
    language = StrictString()
    voice = StrictString()


OPENAI_SPEECH = OpenAISpeechSchema()
ELEVENLABS_SPEECH = ElevenLabsSpeechSchema()
JAMBONZ_SPEECH = JambonzSpeechSchema()
