"""The two forms of POST /speak and the one SpeakRequest that both become, and the targets of VOICES_PATH."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, fields, validate

from sayna.errors import EmptyText, InvalidProviderAuth, InvalidRequest, UnsupportedFormat
from sayna.providers import ALIASES
from sayna.schemas.base import StrictDict, StrictFloat, StrictInteger, StrictSchema, StrictString, ignored_fields
from sayna.speech.own_voices import VoiceTarget
from sayna.speech.plan import SpeakRequest

# A limit on the one regular expression that is made of all pronunciations.
MAX_PRONUNCIATIONS = 100
SILENCE = validate.Range(0, 10_000, error="must lie between 0 and 10000")
POSITIVE = validate.Range(min=0, min_inclusive=False, error="must be greater than 0")


class PronunciationSchema(StrictSchema):
    """A whole word and its replacement."""

    # An empty word would match between all letters and make 1 GB of 1 kB.
    word = StrictString(required=True, validate=validate.Length(1, 64, error="must have 1 to 64 characters"))
    pronunciation = StrictString(required=True)


class VoiceSchema(StrictSchema):
    """All fields of the speech except its text: top level of the flat form, `tts_config` of the nested one."""

    voice = StrictString()
    provider = StrictString()
    voice_id = StrictString()
    model = StrictString()
    speaking_rate = StrictFloat(validate=validate.Range(0.25, 4.0, error="must lie between 0.25 and 4.0"))
    audio_format = StrictString()
    sample_rate = StrictInteger()
    silence_before_ms = StrictInteger(validate=SILENCE)
    silence_after_ms = StrictInteger(validate=SILENCE)
    language = StrictString()
    markup = StrictString(validate=validate.OneOf(("none", "ssml", ""), error="must be none or ssml"))
    voice_settings = StrictDict()
    pronunciations = fields.List(
        fields.Nested(PronunciationSchema),
        validate=validate.Length(0, MAX_PRONUNCIATIONS, error="has more than 100 entries"),
    )
    connection_timeout = StrictFloat(validate=POSITIVE)
    request_timeout = StrictFloat(validate=POSITIVE)
    auth = StrictDict()


class FlatSpeakSchema(VoiceSchema):
    """The guide's form: everything at top level."""

    elsewhere: ClassVar = {"tts_config": {"type": "null", "description": "Only in the nested form."}}

    text = StrictString()


class NestedSpeakSchema(StrictSchema):
    """The SDKs' form: the text, and `tts_config` beside it."""

    text = StrictString()
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


METADATA_FIELDS = (
    "provider", "voice_id", "model", "language", "audio_format", "content_type", "sample_rate", "channels",
    "duration_ms", "size_bytes", "characters", "speaking_rate", "cached", "cache_key",
)  # fmt: skip
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
