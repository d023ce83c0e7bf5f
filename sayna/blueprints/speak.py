"""POST /speak: text in, speech out."""

import json
import re
import time
from operator import attrgetter
from urllib.parse import quote

from flask import Blueprint, Request, Response, g

from sayna import audio
from sayna.blueprints.accept import accepted
from sayna.blueprints.body import read_body, read_object
from sayna.blueprints.cache_control import cache_mode
from sayna.blueprints.context import (
    caller_connection,
    caller_needs_length,
    check_provider,
    current_request,
    services,
)
from sayna.openapi import documented
from sayna.openapi.operations.speak import SPEAK
from sayna.schemas.speak import HEADER_FIELDS, METADATA_FIELDS, ignored_speak_fields, load_speak
from sayna.speech.plan import Plan
from sayna.speech.service import SpeechResult

blueprint = Blueprint("speak", __name__)

header_values = attrgetter(*HEADER_FIELDS.values())
# What a header holds of a voice id as it is (contract 0): other characters would make the response a 500, and a
# client reads a percent sign as the beginning of an encoded one.
PLAIN = re.compile(r"[\x21-\x24\x26-\x7e]+")
SAFE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


@blueprint.post("/speak")
@documented(SPEAK)
def speak() -> Response:
    """Answer with speech, in the form that Accept or the request's own form asks for."""
    request = current_request()
    is_envelope, default_formats = accepted(request.headers.get("Accept", ""))
    plan = _plan(request, default_formats)
    check_provider(plan.provider.slug)
    connected = caller_connection(request)
    speech = services().speech.synthesize(plan, cache_mode(request.headers), is_client_connected=connected)
    wants_envelope = plan.prefers_envelope if is_envelope is None else is_envelope
    response = _envelope(speech) if wants_envelope else _bytes(request, speech)
    # Add instead of set: these headers are new, and a set would search the others for each of them.
    response.headers.extend(_headers(speech))
    return response


def _plan(request: Request, default_formats: tuple[str, str]) -> Plan:
    """Return the plan of the body; the planner remembers the plans of earlier bodies."""
    planner, body = services().planner, read_body(request)
    if (plan := planner.recall(body, default_formats)) is None:
        fields = read_object(request)
        g.ignored_fields = ignored_speak_fields(fields)
        plan = planner.plan(load_speak(fields, default_formats))
        planner.remember(body, default_formats, plan)
    g.ignored_fields = plan.ignored_fields
    return plan


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
    return Response(b"".join((head, clip.base64, b'"}\n')), mimetype="application/json")


def _bytes(request: Request, speech: SpeechResult) -> Response:
    """Return the audio, streamed if its format and the client's HTTP version can tell an end from a break."""
    target = speech.plan.target
    content_type = audio.content_type(target)
    if speech.clip is None and audio.streams(target) and not caller_needs_length(request):
        response = Response(speech.chunks(), content_type=content_type)
        # Otherwise nginx buffers the audio of a slow client in temporary files.
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(speech.close)
        return response
    return Response(b"".join(speech.chunks()), content_type=content_type)


def _headers(speech: SpeechResult) -> dict[str, str]:
    info = speech.info
    ttl = services().config.cache.ttl_seconds
    is_hit = speech.outcome == "HIT"
    age = max(0, int(time.time() - info.created)) if is_hit else 0
    headers = {
        **dict(zip(HEADER_FIELDS, map(str, header_values(info)), strict=True)),
        "x-cache": speech.outcome,
        # Not a hash of the clip, which would cost each hit 127-210 us for 100 kB (measured).
        "ETag": speech.etag,
        "Cache-Control": "private, no-store" if speech.outcome == "BYPASS" else f"private, max-age={max(0, ttl - age)}",
        "Server-Timing": f"total;dur={(time.monotonic() - g.started) * 1000:.1f}",
    }
    if is_hit:
        headers["Age"] = str(age)
    g.log = {"provider": info.provider, "cache": speech.outcome, "characters": info.characters}
    voice_id = headers["x-voice-id"]
    if not PLAIN.fullmatch(voice_id):
        headers["x-voice-id"] = quote(voice_id, safe=SAFE)
    return {name: value for name, value in headers.items() if value}
