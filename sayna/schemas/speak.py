"""The two forms of POST /speak, flat and nested, and the one query that both mean."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields, validate

from sayna import audio
from sayna.errors import InvalidProviderAuth, InvalidRequest, UnsupportedFormat
from sayna.schemas import vocabulary
from sayna.schemas.base import StrictDict, StrictFloat, StrictInteger, StrictSchema, StrictString
from sayna.schemas.vocabulary import FORMAT_NAMES, PROVIDER_NAMES
from sayna.speech.plan import LANGUAGE, SpeakRequest

# Beside each other they are cheap; this bounds the one pattern that is made of them.
MAX_PRONUNCIATIONS = 100
POSITIVE = validate.Range(min=0, min_inclusive=False, error="must be greater than 0")


def _text(description: str, **metadata: Any) -> StrictString:
    return StrictString(metadata={"description": description, **metadata})


def _spoken() -> StrictString:
    # Needed, but EMPTY_TEXT is the planner's word for it.
    return _text("What is to be said; not blank, at most MAX_TEXT_CHARS.", needed=True, minLength=1, pattern=r"\S")


class PronunciationSchema(StrictSchema):
    """A whole word and what to say instead."""

    # An empty word matched between all letters in the reference: 1 kB of text became 1 GB.
    word = StrictString(required=True, validate=validate.Length(1, 64, error="must have 1 to 64 characters"))
    pronunciation = StrictString(
        required=True, validate=validate.Length(0, 1000, error="is longer than 1000 characters")
    )


class VoiceSchema(StrictSchema):
    """Everything about the speech but its text: top level of the flat form, `tts_config` of the nested."""

    provider = _text("Speech vendor; the server's preferred one when left out.", enum=[*PROVIDER_NAMES, ""])
    voice_id = _text("Voice from `GET /voices`; the vendor's default when left out.")
    model = _text("Model of the vendor; its default when left out.")
    speaking_rate = StrictFloat(
        validate=validate.Range(0.25, 4.0, error="must lie between 0.25 and 4.0"),
        metadata={"description": "1.0 is the voice's own pace; clamped to what the vendor can do."},
    )
    audio_format = _text("`wav` in the flat form and `linear16` in the nested one.", enum=[*FORMAT_NAMES, ""])
    sample_rate = StrictInteger(
        metadata={"description": "Hz; 24000, for `mulaw` and `alaw` 8000.", "enum": list(audio.SAMPLE_RATES)}
    )
    language = _text("BCP 47 tag; the voice's own when left out.", pattern=f"^({LANGUAGE.pattern})?$")
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


FLAT = FlatSpeakSchema()
NESTED = NestedSpeakSchema()
VOICE_FIELDS = frozenset(VoiceSchema().fields)


def is_nested(body: Mapping[str, Any]) -> bool:
    """Return whether the body is in the SDKs' form; it decides what an answer looks like."""
    return body.get("tts_config") is not None


def load_speak(body: Mapping[str, Any]) -> SpeakRequest:
    """Return the query of either form; raises InvalidRequest and its kinds."""
    if not is_nested(body):
        return _query(_checked(FLAT, body), audio_format="wav")
    # Silently ignored, they would be a voice that is not the one asked for.
    if beside := sorted(name for name in VOICE_FIELDS & body.keys() if body[name] is not None):
        raise InvalidRequest(f"send {', '.join(beside)} inside tts_config, not beside it")
    loaded = _checked(NESTED, body)
    return _query({"text": loaded.get("text"), **loaded["tts_config"]}, audio_format="linear16")


def _checked(schema: StrictSchema, body: Mapping[str, Any]) -> dict[str, Any]:
    voice = body.get("tts_config") if is_nested(body) else body
    if type(voice) is dict:
        # These three have codes of their own in the contract, which a schema's fault could not carry.
        if type(voice.get("auth")) not in (dict, type(None)):
            raise InvalidProviderAuth('auth must be an object such as {"api_key": "..."}')
        if type(voice.get("audio_format")) not in (str, type(None)):
            raise UnsupportedFormat("audio_format must be a string")
        if type(voice.get("sample_rate")) not in (int, type(None)):
            raise UnsupportedFormat("sample_rate must be an integer in Hz")
    loaded: dict[str, Any] = schema.parse(body)
    return loaded


def _query(loaded: dict[str, Any], *, audio_format: str) -> SpeakRequest:
    rules = loaded.pop("pronunciations", [])
    return SpeakRequest(
        text=loaded.pop("text", None),
        audio_format=loaded.pop("audio_format", "") or audio_format,
        pronunciations=tuple((rule["word"], rule["pronunciation"]) for rule in rules),
        **loaded,
    )
