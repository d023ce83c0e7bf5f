"""The endpoints that speak the dialects of other servers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sayna.openapi import BYTES, Operation, ResponseDoc
from sayna.openapi.operations.speak import HEADERS
from sayna.schemas.compat import ELEVENLABS_SPEECH, JAMBONZ_SPEECH, OPENAI_SPEECH

TAG = "Compatibility"
TEXT = {"type": "string"}
OPENAI_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": TEXT,
                "type": TEXT,
                "param": {"type": ["string", "null"]},
                "code": TEXT,
            },
        },
        "request_id": TEXT,
    },
}
ELEVENLABS_ERROR = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "object",
            "required": ["status", "message"],
            "properties": {"status": TEXT, "message": TEXT},
        }
    },
}
JAMBONZ_ERROR = {"type": "object", "required": ["error"], "properties": {"error": TEXT}}
OPENAI_ERRORS = {"application/json": OPENAI_ERROR}
ELEVENLABS_ERRORS = {"application/json": ELEVENLABS_ERROR}
JAMBONZ_ERRORS = {"application/json": JAMBONZ_ERROR}
MARYTTS_ERRORS = {"text/plain; charset=utf-8": TEXT}
AUDIO_TYPES = ("audio/mpeg", "audio/ogg", "audio/flac", "audio/wav", "audio/pcm", "audio/basic", "audio/PCMU")


def _given(place: str, name: str, description: str, **schema: Any) -> dict[str, Any]:
    always = {"required": True} if place == "path" else {}
    return {"in": place, "name": name, "description": description, "schema": {"type": "string", **schema}, **always}


def _spoken(*types: str) -> dict[int, ResponseDoc]:
    return {200: ResponseDoc("The audio, whole or streamed.", dict.fromkeys(types, BYTES), HEADERS)}


def _object(description: str, *names: str) -> dict[int, ResponseDoc]:
    schema = {"type": "object", "required": [*names], "properties": {name: {} for name in names}}
    return {200: ResponseDoc(description, {"application/json": schema})}


def _list(
    summary: str, errors: Mapping[str, Any], answer: dict[int, ResponseDoc], *parameters: dict[str, Any], **more: Any
) -> Operation:
    return Operation(TAG, summary, answer, parameters=parameters, error_content=errors, **more)


OPENAI_SPEAK = Operation(
    tag=TAG,
    summary="Speak as OpenAI",
    description="OpenAI's `POST /v1/audio/speech`. `model` names a provider or `provider/model`; the models and "
    "voices of OpenAI work with any provider. Fields of `POST /speak` may stand beside OpenAI's own.",
    request=(OPENAI_SPEECH,),
    examples={"openai": {"model": "espeak", "voice": "alloy", "input": "Welcome to Sayna"}},
    responses={
        200: ResponseDoc(
            "The audio, whole or streamed; with `stream_format` `sse`, events that carry it as base64.",
            {**dict.fromkeys((*AUDIO_TYPES, "audio/x-alaw-basic"), BYTES), "text/event-stream": {}},
            HEADERS,
        )
    },
    error_content=OPENAI_ERRORS,
)
MODELS = _list(
    "List models",
    OPENAI_ERRORS,
    {
        200: ResponseDoc(
            "The models; a request with `xi-api-key` gets ElevenLabs's form, an array.",
            {"application/json": {"type": ["object", "array"]}},
        )
    },
)
MODEL = _list(
    "Read a model",
    OPENAI_ERRORS,
    _object("The model and the voices of its provider.", "id", "object", "created", "owned_by", "voices"),
    _given("path", "model_id", "A name of `GET /v1/models`."),
)
AUDIO_MODELS = _list("List audio models", OPENAI_ERRORS, _object("The models, for Open WebUI.", "models"))
AUDIO_VOICES = _list(
    "List audio voices",
    OPENAI_ERRORS,
    _object("OpenAI's names and the known voices, twice.", "voices", "data"),
    _given("query", "provider", "Only voices of this provider."),
    _given("query", "model", "Only voices of this model's provider."),
)
TEST = _list("Test", OPENAI_ERRORS, _object("The server is there.", "status"))

_VOICE_ID = _given("path", "voice_id", "A `voice_id` of `GET /v1/voices`, such as `espeak:gmw/en-US`.", minLength=1)
ELEVENLABS_SPEAK = Operation(
    tag=TAG,
    summary="Speak as ElevenLabs",
    description="ElevenLabs's `POST /v1/text-to-speech/{voice_id}`; the token may stand in `xi-api-key`.",
    request=(ELEVENLABS_SPEECH,),
    examples={"elevenlabs": {"text": "Welcome to Sayna"}},
    parameters=(
        _VOICE_ID,
        _given("query", "output_format", "Codec, Hz and kbit/s, such as `mp3_44100_128`, `pcm_16000` or `ulaw_8000`."),
    ),
    responses=_spoken("audio/mpeg", "audio/pcm", "audio/wav", "audio/ogg", "audio/basic", "audio/x-alaw-basic"),
    error_content=ELEVENLABS_ERRORS,
)
ELEVENLABS_STREAM = dataclasses.replace(ELEVENLABS_SPEAK, summary="Stream as ElevenLabs")
ELEVENLABS_MODELS = _list(
    "List models of ElevenLabs",
    ELEVENLABS_ERRORS,
    {200: ResponseDoc("The configured providers.", {"application/json": {"type": "array"}})},
)
ELEVENLABS_VOICES = _list("List voices of ElevenLabs", ELEVENLABS_ERRORS, _object("The known voices.", "voices"))
ELEVENLABS_SEARCH = _list(
    "Search voices of ElevenLabs",
    ELEVENLABS_ERRORS,
    _object("A page of voices.", "voices", "has_more", "total_count", "next_page_token"),
    _given("query", "search", "Words of the name, the id or the language."),
    _given("query", "page_size", "At most 100; 10 when left out.", pattern="^([0-9]{1,6})?$"),
    _given("query", "next_page_token", "From the page before.", pattern="^([0-9]{1,6})?$"),
)
ELEVENLABS_SETTINGS = _list("Read default voice settings", ELEVENLABS_ERRORS, _object("The settings.", "stability"))
ELEVENLABS_VOICE = _list("Read a voice of ElevenLabs", ELEVENLABS_ERRORS, _object("The voice.", "voice_id"), _VOICE_ID)
ELEVENLABS_USER = _list("Read the user", ELEVENLABS_ERRORS, _object("The user.", "user_id", "subscription"))
ELEVENLABS_SUBSCRIPTION = _list("Read the subscription", ELEVENLABS_ERRORS, _object("The subscription.", "tier"))

JAMBONZ_SPEAK = Operation(
    tag=TAG,
    summary="Speak for jambonz",
    description="A custom speech vendor of jambonz. The query holds defaults, because jambonz stores the URL.",
    request=(JAMBONZ_SPEECH,),
    examples={"jambonz": {"text": "Welcome to Sayna", "type": "text", "language": "en-US"}},
    parameters=(
        _given("query", "provider", "Speech vendor of requests whose voice names none."),
        _given("query", "model", "Model of the vendor."),
        _given("query", "audio_format", "`mp3` when left out, `wav` or `linear16`."),
        _given("query", "sample_rate", "Hz.", pattern="^([0-9]{1,6})?$"),
    ),
    responses=_spoken("audio/mpeg", "audio/wav", "audio/l16"),
    error_content=JAMBONZ_ERRORS,
)

MARYTTS_FIELDS = {
    "INPUT_TEXT": "The text, or the document.",
    "INPUT_TYPE": "`TEXT` when left out, `SSML` or `RAWMARYXML`.",
    "OUTPUT_TYPE": "`AUDIO`.",
    "AUDIO": "`WAVE_FILE` when left out, or `MP3_FILE`.",
    "LOCALE": "Such as `en_US`.",
    "VOICE": "A name of `GET /marytts/voices`, `male` or `female`.",
    "effect_Rate_selected": "`on` for the effect Rate.",
    "effect_Rate_parameters": "Such as `durScale:1.5;`.",
}
MARYTTS_PROCESS = Operation(
    tag=TAG,
    summary="Speak as MaryTTS",
    description="MaryTTS's `/process`: the fields stand in the query or in a form, whose fields count first.",
    parameters=tuple(_given("query", name, description) for name, description in MARYTTS_FIELDS.items()),
    responses=_spoken("audio/x-wav", "audio/x-mpeg"),
    error_content=MARYTTS_ERRORS,
)
_LINES = {200: ResponseDoc("Lines of text.", {"text/plain; charset=utf-8": TEXT})}
MARYTTS_VOICES = _list("List voices of MaryTTS", MARYTTS_ERRORS, _LINES)
MARYTTS_LOCALES = _list("List locales", MARYTTS_ERRORS, _LINES)
MARYTTS_VERSION = _list("Read the version of MaryTTS", MARYTTS_ERRORS, _LINES)
MARYTTS_FORMATS = _list("List audio formats", MARYTTS_ERRORS, _LINES)
MARYTTS_DATATYPES = _list("List data types", MARYTTS_ERRORS, _LINES)
MARYTTS_EFFECTS = _list("List audio effects", MARYTTS_ERRORS, _LINES)
