"""POST /speak: text in, speech out."""

import json
import re
import time

from flask import Blueprint, Request, Response, current_app, g
from flask.blueprints import BlueprintSetupState

from sayna import audio
from sayna.blueprints.body import parse_object, read_body
from sayna.blueprints.context import caller_connection, caller_needs_length, current_request, services
from sayna.openapi import documented
from sayna.openapi.operations.speech import SPEAK
from sayna.schemas.speak import is_nested, load_speak
from sayna.speech.plan import Plan
from sayna.speech.service import CacheMode, SpeechResult

blueprint = Blueprint("speak", __name__)

# Reading a body again costs more than all else of a hit: 175 us with it, 90 us without (measured).
# So many of such a size are 16 MiB a worker.
REMEMBERED_BODIES = 2048
REMEMBERED_BYTES = 8192
# Names of voices go into headers, where other letters would be a 500 of the server's.
PRINTABLE = re.compile(r"[\x20-\x7e]{1,128}")
AUDIO_TYPE = re.compile(r"(?:^|,)\s*(?:audio/[\w.+*-]+|application/octet-stream)\s*(?:;|,|$)", re.I)
JSON_TYPE = re.compile(r"(?:^|,)\s*application/json\s*(?:;|,|$)", re.I)


@blueprint.record
def _begin_to_remember(state: BlueprintSetupState) -> None:
    state.app.extensions["sayna.plans"] = {}


@blueprint.post("/speak")
@documented(SPEAK)
def speak() -> Response:
    """Answer with speech, in the form that the caller asked for."""
    asked = current_request()
    plan, nested = _plan(g.get("raw_body") or read_body(asked))
    speech = services().tts.synthesize(plan, _cache_mode(asked), alive=caller_connection(asked))
    response = _envelope(speech) if _wants_envelope(asked, nested) else _bytes(asked, speech)
    # Added, not set: none of them is there yet, and each look would cost a walk over the others.
    response.headers.extend(_headers(speech))
    return response


def _plan(body: bytes) -> tuple[Plan, bool]:
    """Return the plan of a body; one seen before costs nothing.

    One with credentials is not kept, nor one of a voice that may be replaced under its name.
    """
    known: dict[bytes, tuple[Plan, bool]] = current_app.extensions["sayna.plans"]
    if (found := known.get(body)) is not None:
        return found
    parsed = parse_object(body)
    planned = services().planner.plan(load_speak(parsed)), is_nested(parsed)
    if len(body) <= REMEMBERED_BYTES and planned[0].credentials is None and planned[0].version is None:
        if len(known) >= REMEMBERED_BODIES:
            # Bodies that come but once fill it, and to sort those out would cost every hit something.
            known.clear()
        known[body] = planned
    return planned


def _cache_mode(asked: Request) -> CacheMode:
    directives = {part.strip().lower() for part in asked.headers.get("Cache-Control", "").split(",")}
    # Of several the most careful one counts: no vendor, then no trace, then a new rendering.
    for mode in (CacheMode.ONLY, CacheMode.BYPASS, CacheMode.REFRESH):
        if mode.value in directives:
            return mode
    return CacheMode.USE


def _wants_envelope(asked: Request, nested: bool) -> bool:
    accept = asked.headers.get("Accept", "")
    if JSON_TYPE.search(accept):
        return True
    return not nested and not AUDIO_TYPE.search(accept)


def _envelope(speech: SpeechResult) -> Response:
    """Return JSON by concatenation: the clip remembers its base64, and json.dumps would copy it twice."""
    clip = speech.whole()
    info = clip.info
    metadata = {
        "provider": info.provider,
        "voice_id": info.voice_id,
        "model": info.model,
        "language": info.language,
        "audio_format": info.audio_format,
        "content_type": audio.content_type(speech.plan.target),
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "duration_ms": info.duration_ms,
        "size_bytes": len(clip.audio),
        "characters": info.characters,
        "speaking_rate": info.speaking_rate,
        "cached": speech.outcome == "HIT",
        "cache_key": speech.plan.key,
    }
    head = b'{"metadata":' + json.dumps(metadata).encode() + b',"audio":"'
    return Response(b"".join((head, clip.base64, b'"}\n')), mimetype="application/json")


def _bytes(asked: Request, speech: SpeechResult) -> Response:
    """Return the audio, streamed where its format and the caller's HTTP can tell an end from a break."""
    target = speech.plan.target
    if speech.clip is None and audio.streams(target) and not caller_needs_length(asked):
        response = Response(speech.pieces(), content_type=audio.content_type(target))
        # Else nginx takes all of it off us for a slow caller, into temporary files.
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(speech.close)
        return response
    return Response(speech.audio(), content_type=audio.content_type(target))


def _headers(speech: SpeechResult) -> dict[str, str]:
    plan = speech.plan
    ttl = services().config.cache.ttl_seconds
    age = max(0, int(time.time() - speech.clip.info.created)) if speech.clip and speech.outcome == "HIT" else 0
    headers = {
        "x-provider": plan.provider.slug,
        "x-voice-id": plan.voice_id,
        "x-audio-format": plan.target.audio_format,
        "x-sample-rate": str(plan.target.sample_rate),
        "x-channels": str(plan.target.channels),
        "x-cache": speech.outcome,
        # The key, not a hash of the clip: that would be 127-210 us for 100 kB on each hit (measured).
        "ETag": f'"{plan.key}"',
        "Cache-Control": "private, no-store" if speech.outcome == "BYPASS" else f"private, max-age={max(0, ttl - age)}",
        "Server-Timing": f"total;dur={(time.monotonic() - g.started) * 1000:.1f}",
    }
    if speech.outcome == "HIT":
        headers["Age"] = str(age)
    g.log = {"provider": plan.provider.slug, "cache": speech.outcome, "characters": plan.characters}
    return {name: value for name, value in headers.items() if PRINTABLE.fullmatch(value)}
