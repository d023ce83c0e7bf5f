"""The two forms of POST /speak, flat and nested, and the one query that both mean."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from sayna.errors import InvalidProviderAuth, InvalidRequest, UnsupportedFormat
from sayna.schemas.base import Number, Object, StrictSchema, Text, Whole
from sayna.tts.plan import Query

MAX_PRONUNCIATIONS = 100
POSITIVE = validate.Range(min=0, min_inclusive=False, error="must be greater than 0")


class PronunciationSchema(StrictSchema):
    """A whole word and what to say instead."""

    word = Text(required=True, validate=validate.Length(1, 64, error="must have 1 to 64 characters"))
    pronunciation = Text(
        required=True, validate=validate.Length(0, 1000, error="is longer than 1000 characters")
    )


class VoiceSchema(StrictSchema):
    """Everything about the speech but its text: top level of the flat form, `tts_config` of the nested."""

    provider = Text(metadata={"example": "espeak"})
    voice_id = Text()
    model = Text()
    speaking_rate = Number(validate=validate.Range(0.25, 4.0, error="must lie between 0.25 and 4.0"))
    audio_format = Text(metadata={"example": "wav"})
    sample_rate = Whole(metadata={"example": 24000})
    language = Text(metadata={"example": "en-GB"})
    voice_settings = Object()
    pronunciations = fields.List(
        fields.Nested(PronunciationSchema),
        validate=validate.Length(0, MAX_PRONUNCIATIONS, error="has more than 100 entries"),
    )
    connection_timeout = Number(validate=POSITIVE)
    request_timeout = Number(validate=POSITIVE)
    auth = Object()


class FlatSpeakSchema(VoiceSchema):
    """The guide's form: everything at top level."""

    text = Text()


class NestedSpeakSchema(StrictSchema):
    """The SDKs' form: the text, and `tts_config` beside it."""

    text = Text()
    tts_config = fields.Nested(VoiceSchema, required=True)


FLAT = FlatSpeakSchema()
NESTED = NestedSpeakSchema()
VOICE_FIELDS = frozenset(VoiceSchema().fields)


def is_nested(body: Mapping[str, Any]) -> bool:
    """Return whether the body is in the SDKs' form; it decides what an answer looks like."""
    return body.get("tts_config") is not None


def load_speak(body: Mapping[str, Any]) -> Query:
    """Return the query of either form; raises InvalidRequest and its kinds."""
    if not is_nested(body):
        return _query(_checked(FLAT, body), audio_format="wav")
    if beside := sorted(name for name in VOICE_FIELDS & body.keys() if body[name] is not None):
        raise InvalidRequest(f"send {', '.join(beside)} inside tts_config, not beside it")
    loaded = _checked(NESTED, body)
    return _query({"text": loaded.get("text"), **loaded["tts_config"]}, audio_format="linear16")


def _checked(schema: StrictSchema, body: Mapping[str, Any]) -> dict[str, Any]:
    voice = body.get("tts_config") if is_nested(body) else body
    if type(voice) is dict:
        if type(voice.get("auth")) not in (dict, type(None)):
            raise InvalidProviderAuth('auth must be an object such as {"api_key": "..."}')
        if type(voice.get("audio_format")) not in (str, type(None)):
            raise UnsupportedFormat("audio_format must be a string")
        if type(voice.get("sample_rate")) not in (int, type(None)):
            raise UnsupportedFormat("sample_rate must be an integer in Hz")
    loaded: dict[str, Any] = schema.parse(body)
    return loaded


def _query(loaded: dict[str, Any], *, audio_format: str) -> Query:
    rules = loaded.pop("pronunciations", [])
    return Query(
        text=loaded.pop("text", None),
        audio_format=loaded.pop("audio_format", "") or audio_format,
        pronunciations=tuple((rule["word"], rule["pronunciation"]) for rule in rules),
        **loaded,
    )
