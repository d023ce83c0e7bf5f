"""jambonz's custom speech vendor: https://docs.jambonz.org/reference/custom-speech/tts."""

from functools import partial
from typing import Any

from flask import Blueprint, Response

from sayna import audio
from sayna.blueprints.compat.translation import integer, named_voice
from sayna.blueprints.context import current_request
from sayna.blueprints.responses import audio_response, planned, speech_of
from sayna.errors import UnsupportedFormat
from sayna.schemas.base import ignored_fields
from sayna.schemas.compat import JAMBONZ_SPEECH
from sayna.speech.plan import SpeakRequest

blueprint = Blueprint("jambonz", __name__)

FORMATS = ("mp3", "wav", "linear16")
# jambonz takes audio of any other rate for 8 kHz.
RAW_RATES = (8000, 16000, 24000, 32000, 48000)
# How feature-server spells a voice that the operator left out.
NO_VOICE = ("undefined", "null")


@blueprint.post("/jambonz/tts")
def jambonz_speech() -> Response:
    """Answer with MP3, which is all that jambonz streams, or with the format in the query."""
    asked = current_request()
    query = asked.args.to_dict()
    variant = ("jambonz", *(query.get(name, "") for name in ("provider", "model", "audio_format", "sample_rate")))
    ignored = partial(ignored_fields, JAMBONZ_SPEECH)
    plan = planned(asked, variant, ignored, lambda body: _speak_request(body, query))
    target = plan.target
    content_type = f"audio/l16;rate={target.sample_rate}" if target.audio_format == "linear16" else ""
    return audio_response(speech_of(asked, plan), content_type)


def _speak_request(body: dict[str, Any], query: dict[str, str]) -> SpeakRequest:
    wanted = JAMBONZ_SPEECH.parse(body)
    text, voice = wanted.get("text", ""), wanted.get("voice", "")
    provider, voice_id = named_voice("" if voice in NO_VOICE else voice)
    audio_format = audio.canonical(query.get("audio_format") or "mp3")
    rate = integer(query, "sample_rate")
    if audio_format not in FORMATS:
        raise UnsupportedFormat(f"audio_format must be one of {', '.join(FORMATS)}")
    if audio_format != "mp3" and rate not in (None, *RAW_RATES):
        raise UnsupportedFormat(f"sample_rate must be one of {', '.join(map(str, RAW_RATES))}")
    is_document = wanted.get("type") == "ssml" or text.lstrip().startswith("<speak")
    return SpeakRequest(
        text=text,
        markup="unwrapped" if is_document else None,
        provider=provider or query.get("provider"),
        voice_id=voice_id,
        model=query.get("model"),
        audio_format=audio_format,
        sample_rate=rate,
        language=wanted.get("language"),
    )
