"""The two forms of POST /speak and the one SpeakRequest that both become, and the targets of VOICES_PATH."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, fields, validate

from sayna import audio
from sayna.errors import EmptyText, InvalidProviderAuth, InvalidRequest, UnsupportedFormat
from sayna.providers import ALIASES
from sayna.schemas import vocabulary
from sayna.schemas.base import (
    ResponseSchema,
    StrictBoolean,
    StrictDict,
    StrictFloat,
    StrictInteger,
    StrictSchema,
    StrictString,
    choice_field,
    count_field,
    ignored_fields,
    string_field,
)
from sayna.schemas.vocabulary import FORMAT_NAMES, PROVIDER_NAMES
from sayna.speech.own_voices import ALIAS, VoiceTarget
from sayna.speech.plan import SpeakRequest
from sayna.speech.voices.languages import TAG

# A limit on the one regular expression that is made of all pronunciations.
MAX_PRONUNCIATIONS = 100
SILENCE = validate.Range(0, 10_000, error="must lie between 0 and 10000")
POSITIVE = validate.Range(min=0, min_inclusive=False, error="must be greater than 0")


def _spoken() -> StrictString:
    # Required, but a missing text is EMPTY_TEXT, which the planner raises.
    return string_field(
        "The text to speak; not blank, at most MAX_TEXT_CHARS.", needed=True, minLength=1, pattern=r"\S"
    )


class PronunciationSchema(StrictSchema):
    """A whole word and its replacement."""

    # An empty word would match between all letters and make 1 GB of 1 kB.
    word = StrictString(required=True, validate=validate.Length(1, 64, error="must have 1 to 64 characters"))
    pronunciation = StrictString(required=True)


class VoiceSchema(StrictSchema):
    """All fields of the speech except its text: top level of the flat form, `tts_config` of the nested one."""

    voice = string_field("A voice of your own, or `provider/voice_id`; excludes `provider`, `voice_id` and `model`.")
    provider = string_field(
        "Speech vendor; the server's preferred one when left out. `alias`: `voice_id` is a voice of your own.",
        enum=[*PROVIDER_NAMES, ALIAS, ""],
    )
    voice_id = string_field("Voice from `GET /voices`; the vendor's default when left out.")
    model = string_field("Model of the vendor; its default when left out.")
    speaking_rate = StrictFloat(
        validate=validate.Range(0.25, 4.0, error="must lie between 0.25 and 4.0"),
        metadata={"description": "1.0 is the voice's own pace; clamped to the range of the vendor."},
    )
    audio_format = string_field(
        "When left out, the first audio type of `Accept`; without one, flat gets `wav` and nested `linear16`.",
        enum=[*FORMAT_NAMES, ""],
    )
    sample_rate = StrictInteger(
        metadata={"description": "Hz; 24000, for `mulaw` and `alaw` 8000.", "enum": list(audio.SAMPLE_RATES)}
    )
    silence_before_ms = StrictInteger(
        validate=SILENCE, metadata={"description": "Milliseconds of silence before the speech."}
    )
    silence_after_ms = StrictInteger(
        validate=SILENCE, metadata={"description": "Milliseconds of silence after the speech."}
    )
    language = string_field(
        "BCP 47 tag, also as `de_DE` or `deu`; the voice's own when left out. Without `voice_id` it picks one.",
        pattern=rf"^\s*({TAG.pattern})?\s*$",
    )
    markup = StrictString(
        validate=validate.OneOf(("none", "ssml", ""), error="must be none or ssml"),
        metadata={"description": "`ssml`: `text` is a `<speak>` document of pauses, `<sub>`, `<say-as>` and a rate."},
    )
    voice_settings = StrictDict(metadata={"description": vocabulary.voice_settings()})
    pronunciations = fields.List(
        fields.Nested(PronunciationSchema),
        validate=validate.Length(0, MAX_PRONUNCIATIONS, error="has more than 100 entries"),
        metadata={"description": "Whole words, case-sensitive, replaced in one pass."},
    )
    connection_timeout = StrictFloat(
        validate=POSITIVE, metadata={"description": "Seconds; the server allows at most 30."}
    )
    request_timeout = StrictFloat(
        validate=POSITIVE, metadata={"description": "Seconds for the whole; the server allows at most 60."}
    )
    auth = StrictDict(metadata={"description": vocabulary.credentials()})


class FlatSpeakSchema(VoiceSchema):
    """The guide's form: everything at top level."""

    elsewhere: ClassVar = {"tts_config": {"type": "null", "description": "Only in the nested form."}}

    text = _spoken()


class NestedSpeakSchema(StrictSchema):
    """The SDKs' form: the text, and `tts_config` beside it."""

    text = _spoken()
    tts_config = fields.Nested(VoiceSchema, required=True)


DEFAULT_FORMATS = ("wav", "linear16")
FLAT = FlatSpeakSchema()
NESTED = NestedSpeakSchema()
VOICE_FIELDS = frozenset(VoiceSchema().fields)
# How a table of prompts holds the fields: those that are neither numbers nor JSON are text.
NUMBER_FIELDS = frozenset(name for name, field in FLAT.fields.items() if isinstance(field, fields.Number))
JSON_FIELDS = frozenset(name for name, field in FLAT.fields.items() if isinstance(field, fields.Dict | fields.List))


def is_nested(body: Mapping[str, Any]) -> bool:
    """Return whether the body is in the SDKs' form; the form decides the answer when Accept does not."""
    return body.get("tts_config") is not None


def ignored_speak_fields(body: Mapping[str, Any]) -> str:
    """Return the names of the fields that the form of the body ignores, as `ignored_fields` does."""
    return ignored_fields(NESTED if is_nested(body) else FLAT, body)


def load_speak(body: Mapping[str, Any], default_formats: tuple[str, str] = DEFAULT_FORMATS) -> SpeakRequest:
    """Return the request of either form; raises InvalidRequest and its kinds.

    `default_formats` are the audio formats of a flat and of a nested request that names none.
    """
    if not is_nested(body):
        return _request(_checked(FLAT, body), body, default_formats)
    # Refuse them: if they were ignored, the audio would have another voice than the request names.
    if beside := sorted(name for name in VOICE_FIELDS & body.keys() if body[name] is not None):
        raise InvalidRequest(f"send {', '.join(beside)} inside tts_config, not beside it")
    loaded = _checked(NESTED, body)
    return _request({"text": loaded.get("text"), **loaded["tts_config"]}, body, default_formats)


def _checked(schema: StrictSchema, body: Mapping[str, Any]) -> dict[str, Any]:
    voice = body.get("tts_config") if is_nested(body) else body
    if type(voice) is dict:
        # The contract gives these three fields codes of their own, which a ValidationError cannot carry.
        if type(voice.get("auth")) not in (dict, type(None)):
            raise InvalidProviderAuth('auth must be an object such as {"api_key": "..."}')
        if type(voice.get("audio_format")) not in (str, type(None)):
            raise UnsupportedFormat("audio_format must be a string")
        rate = voice.get("sample_rate")
        if not (rate is None or type(rate) is int or (type(rate) is float and rate.is_integer())):
            raise UnsupportedFormat("sample_rate must be an integer in Hz")
    loaded: dict[str, Any] = schema.parse(body)
    return loaded


def _request(loaded: dict[str, Any], body: Mapping[str, Any], default_formats: tuple[str, str]) -> SpeakRequest:
    if loaded.get("text") is None:
        unknown = ignored_speak_fields(body)
        also = f"; Sayna does not know {unknown}" if unknown else ""
        raise EmptyText(f"text is missing; send what is to be spoken in the field text{also}")
    rules = loaded.pop("pronunciations", [])
    return SpeakRequest(
        text=loaded.pop("text"),
        audio_format=loaded.pop("audio_format", "") or default_formats[is_nested(body)],
        prefers_envelope=not is_nested(body),
        pronunciations=tuple((rule["word"], rule["pronunciation"]) for rule in rules),
        **loaded,
    )


class SpeechMetadataSchema(ResponseSchema):
    """The parameters of the audio, with every default filled in."""

    provider = string_field("The vendor of the audio.")
    voice_id = string_field()
    model = string_field("Empty where the vendor has no models.")
    language = string_field("BCP 47; empty where the vendor chooses it.")
    audio_format = choice_field(*audio.FORMATS)
    content_type = string_field("Media type of the audio.")
    sample_rate = count_field("Hz.")
    channels = count_field("1 is mono.")
    duration_ms = count_field("Milliseconds.")
    size_bytes = count_field("Size of the audio before base64.")
    characters = count_field("Characters of the text that the vendor received.")
    speaking_rate = fields.Float(metadata={"description": "The rate that the vendor used."})
    cached = StrictBoolean(metadata={"description": "Whether the audio came from the cache."})
    cache_key = string_field("SHA-256 of everything that changes the audio.", pattern="^[0-9a-f]{64}$")


class SpeechEnvelopeSchema(ResponseSchema):
    """Audio in JSON."""

    metadata = fields.Nested(SpeechMetadataSchema)
    audio = StrictString(metadata={"description": "Base64.", "format": "byte"})


METADATA_FIELDS = tuple(SpeechMetadataSchema().fields)
# The metadata that is known before the first byte of audio, and so fits into response headers.
HEADER_FIELDS = {
    f"x-{name.replace('_', '-')}": name for name in ("provider", "voice_id", "audio_format", "sample_rate", "channels")
}


class TargetSchema(VoiceSchema):
    """A target: the fields that choose a voice, and its loudness."""

    gain_db = StrictFloat(validate=validate.Range(-20, 20, error="must lie between -20 and 20"))


# Unknown fields are refused, otherwise a misspelt one would go unnoticed.
TARGET = TargetSchema(
    only=("provider", "voice_id", "model", "language", "speaking_rate", "gain_db", "voice_settings"), unknown=RAISE
)


def load_target(entry: object) -> VoiceTarget:
    """Return one target; raises InvalidRequest."""
    if not isinstance(entry, dict) or not entry.get("provider"):
        raise InvalidRequest("it is not a mapping such as {provider: azure, voice_id: en-US-JennyNeural}")
    loaded = TARGET.parse(entry)
    slug = loaded.pop("provider").lower()
    return VoiceTarget(ALIASES.get(slug, slug), **loaded)
