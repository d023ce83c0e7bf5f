"""POST /speak: text in, speech out."""

import json
from functools import partial

from flask import Blueprint, Response

from sayna import audio
from sayna.blueprints.accept import accepted
from sayna.blueprints.context import current_request
from sayna.blueprints.responses import audio_response, planned, speech_of, whole_response, with_speech_headers
from sayna.schemas.speak import METADATA_FIELDS, ignored_speak_fields, load_speak
from sayna.speech.service import SpeechResult

blueprint = Blueprint("speak", __name__)


@blueprint.post("/speak")
def speak() -> Response:
    """Answer with speech, in the form that Accept or the request's own form asks for."""
    request = current_request()
    is_envelope, default_formats = accepted(request.environ.get("HTTP_ACCEPT", ""))
    load = partial(load_speak, default_formats=default_formats)
    plan = planned(request, default_formats, ignored_speak_fields, load, text_field="text")
    wants_envelope = plan.prefers_envelope if is_envelope is None else is_envelope
    speech = speech_of(request, plan, is_whole=wants_envelope)
    return with_speech_headers(_envelope(speech), speech) if wants_envelope else audio_response(speech)


def _envelope(speech: SpeechResult) -> Response:
    """Return JSON by concatenation: the clip keeps its base64, and json.dumps would copy it twice."""
    clip, info = speech.finished(), speech.info
    of_this_answer = {
        "content_type": audio.content_type(speech.plan.target),
        "size_bytes": len(clip.audio),
        "cached": speech.outcome == "HIT",
        "cache_key": speech.plan.key,
    }
    metadata = {
        name: of_this_answer[name] if name in of_this_answer else getattr(info, name) for name in METADATA_FIELDS
    }
    head = b'{"metadata":' + json.dumps(metadata).encode() + b',"audio":"'
    return whole_response([head, clip.base64, b'"}\n'], "application/json")
