"""POST /speak: text in, speech out."""

import json
import re
import time
from operator import attrgetter

from flask import Blueprint, Request, Response, g

from sayna import audio
from sayna.blueprints.accept import accepted
from sayna.blueprints.body import read_body, read_object
from sayna.blueprints.context import caller_connection, caller_needs_length, current_request, services
from sayna.openapi import documented
from sayna.openapi.operations.speak import SPEAK
from sayna.schemas.speak import HEADER_FIELDS, METADATA_FIELDS, load_speak
from sayna.speech.plan import Plan
from sayna.speech.service import CacheMode, SpeechResult

blueprint = Blueprint("speak", __name__)

header_values = attrgetter(*HEADER_FIELDS.values())
# Voice ids go into headers, where any other character would make the response a 500.
PRINTABLE = re.compile(r"[\x20-\x7e]{1,128}")


@blueprint.post("/speak")
@documented(SPEAK)
def speak() -> Response:
    """Answer with speech, in the form that Accept or the request's own form asks for."""
    request = current_request()
    is_envelope, default_formats = accepted(request.headers.get("Accept", ""))
    plan = _plan(request, default_formats)
    speech = services().speech.synthesize(plan, _cache_mode(request), is_client_connected=caller_connection(request))
    wants_envelope = plan.prefers_envelope if is_envelope is None else is_envelope
    response = _envelope(speech) if wants_envelope else _bytes(request, speech)
    # Add instead of set: these headers are new, and a set would search the others for each of them.
    response.headers.extend(_headers(speech))
    return response


def _plan(request: Request, default_formats: tuple[str, str]) -> Plan:
    """Return the plan of the body; the planner remembers the plans of earlier bodies."""
    planner, body = services().planner, read_body(request)
    if (plan := planner.recall(body, default_formats)) is None:
        plan = planner.plan(load_speak(read_object(request), default_formats))
        planner.remember(body, default_formats, plan)
    return plan


def _cache_mode(request: Request) -> CacheMode:
    directives = {part.strip().lower() for part in request.headers.get("Cache-Control", "").split(",")}
    # Of several directives the strictest counts: no provider, then no trace, then a new synthesis.
    for mode in (CacheMode.ONLY, CacheMode.BYPASS, CacheMode.REFRESH):
        if mode.value in directives:
            return mode
    return CacheMode.USE


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
    plan, info = speech.plan, speech.info
    ttl = services().config.cache.ttl_seconds
    is_hit = speech.outcome == "HIT"
    age = max(0, int(time.time() - info.created)) if is_hit else 0
    headers = {
        **dict(zip(HEADER_FIELDS, map(str, header_values(info)), strict=True)),
        "x-cache": speech.outcome,
        # The key and not a hash of the clip, which would cost each hit 127-210 us for 100 kB (measured).
        "ETag": f'"{plan.key}"',
        "Cache-Control": "private, no-store" if speech.outcome == "BYPASS" else f"private, max-age={max(0, ttl - age)}",
        "Server-Timing": f"total;dur={(time.monotonic() - g.started) * 1000:.1f}",
    }
    if is_hit:
        headers["Age"] = str(age)
    g.log = {"provider": info.provider, "cache": speech.outcome, "characters": info.characters}
    return {name: value for name, value in headers.items() if PRINTABLE.fullmatch(value)}
