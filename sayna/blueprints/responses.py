"""Responses, all in one form: JSON, and the speech that POST /speak and the other dialects answer with."""

import contextlib
import functools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from flask import Request, Response, g
from werkzeug.datastructures import Headers, RequestCacheControl
from werkzeug.http import parse_cache_control_header

from sayna import audio
from sayna.blueprints.body import read_body, read_object
from sayna.blueprints.context import allowed_plan, caller_connection, caller_needs_length, current_request, services
from sayna.blueprints.large_body import LARGE_BYTES, SpooledBody
from sayna.schemas.base import SURROGATE
from sayna.schemas.speak import HEADER_FIELDS
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.service import CacheMode, SpeechResult

# Seconds that clients keep the speech of another target than the first.
MAX_FALLBACK_AGE = 60
_encode = json.JSONEncoder(separators=(",", ":")).encode
# What a header holds of a voice id as it is (contract 0): other characters would make the response a 500, and a
# client reads a percent sign as the beginning of an encoded one.
PLAIN = re.compile(r"[\x21-\x24\x26-\x7e]+")
SAFE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


class SpeechResponse(Response):
    """An answer with speech, whose headers are sent as they are."""

    def get_wsgi_headers(self, environ: object) -> Headers:
        """Return the headers; werkzeug copies them, and looks for a Location that needs an absolute URL."""
        return self.headers


def json_response(body: Mapping[str, Any] | list[Any], status: int = 200) -> Response:
    """Return compact JSON; it ends with a newline so that a terminal shows the prompt on a new line."""
    return Response(_encode(body) + "\n", status, content_type="application/json")


def planned(
    request: Request,
    variant: tuple[str, ...],
    ignored: Callable[[dict[str, Any]], str],
    load: Callable[[dict[str, Any]], SpeakRequest],
    *,
    text_field: str = "",
) -> Plan:
    """Return the plan of a JSON body; the planner remembers the plans of earlier bodies.

    With a `text_field` it also remembers bodies without their text, for the next text with the same voice.
    `variant` is everything beside the body that decides the plan: the default formats of POST /speak, or the name of
    another dialect and its parameters. `ignored` names a body's ignored fields, and `load` makes its request.
    """
    here, planner, body = g._get_current_object(), services().planner, read_body(request)
    tenant = here.caller.tenant
    # Two tenants may have two lexicons.
    variant = (*variant, tenant or "")
    if (plan := planner.recall(body, variant)) is None:
        fields = read_object(request)
        rest, rest_variant = _without_text(fields, text_field), (*variant, text_field)
        if rest and (known := planner.recall(rest, rest_variant)):
            here.ignored_fields = known.ignored_fields
            plan = planner.reworded(known, fields[text_field])
        if plan is None:
            here.ignored_fields = ignored(fields)
            plan = planner.plan(replace(load(fields), ignored_fields=here.ignored_fields, tenant=tenant))
            if rest:
                planner.remember(rest, rest_variant, plan)
        planner.remember(body, variant, plan)
    here.ignored_fields = plan.ignored_fields
    return plan


def _without_text(fields: dict[str, Any], name: str) -> bytes:
    """Return a body without its text, empty where it has none that a plan could be made of."""
    text = fields.get(name) if name else None
    return _encode({**fields, name: ""}).encode() if isinstance(text, str) and not SURROGATE.search(text) else b""


def speech_of(request: Request, plan: Plan, *, is_whole: bool = False) -> SpeechResult:
    """Return the speech of a plan, as the request's Cache-Control asks.

    The clip is finished when `is_whole`, and where the format or the client's HTTP version cannot tell the end of a
    stream from a break. Raises ProviderNotAllowed, and what FallbackSpeech.speak raises.
    """
    here = g._get_current_object()
    # Replaced once there is speech; a failure is counted on its provider.
    here.log = {"provider": plan.provider.slug}
    return services().fallback.speak(
        allowed_plan(plan),
        # A POST may cost money; a GET always uses the cache (contract 3).
        _cache_mode(request.environ.get("HTTP_CACHE_CONTROL", ""), request.environ.get("HTTP_PRAGMA", "")),
        is_whole=is_whole or not audio.streams(plan.target) or caller_needs_length(request),
        is_client_connected=caller_connection(request),
        caller=here.caller,
    )


@functools.lru_cache(maxsize=256)
def _cache_mode(cache_control: str, pragma: str) -> CacheMode:
    # Cache-Control decides where both are present: RFC 9111, 5.4.
    given = parse_cache_control_header((cache_control or pragma).lower(), cls=RequestCacheControl)
    # Of several directives the strictest counts: no provider, then no trace, then a new synthesis.
    if given.only_if_cached:
        return CacheMode.ONLY
    if given.no_store:
        return CacheMode.BYPASS
    if given.no_cache or (given.max_age is not None and given.max_age <= 0):
        return CacheMode.REFRESH
    return CacheMode.USE


def audio_response(speech: SpeechResult, content_type: str = "") -> Response:
    """Return the audio and its headers: whole where `speech_of` has finished the clip, otherwise as it arrives."""
    content_type = content_type or audio.content_type(speech.plan.target)
    if speech.clip is not None:
        return with_speech_headers(whole_response([speech.clip.audio], content_type), speech)
    response = SpeechResponse(speech.chunks(), content_type=content_type)
    # Otherwise nginx buffers the audio of a slow client in temporary files.
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(speech.close)
    return with_speech_headers(response, speech)


def whole_response(parts: Sequence[bytes], content_type: str, status: int = 200) -> SpeechResponse:
    """Return a complete body of these parts; a large one waits on the disk of the cache until the client has read it.

    Without a cache on disk, callers share the clip that is in memory.
    """
    size, folder = sum(map(len, parts)), services().config.cache.path
    if size <= LARGE_BYTES:
        return SpeechResponse(b"".join(parts), status, content_type=content_type)
    body: Iterable[bytes] = parts
    if folder is not None and current_request().method != "HEAD":
        # A full disk costs memory, not the answer.
        with contextlib.suppress(OSError):
            body = SpooledBody(parts, folder)
    return SpeechResponse(body, status, [("Content-Length", str(size))], content_type=content_type)


def with_speech_headers(response: Response, speech: SpeechResult) -> Response:
    """Return the response with the headers that describe its audio, and note the speech for the log line."""
    return with_headers(response, _headers(speech))


def with_headers(response: Response, headers: Iterable[tuple[str, str]]) -> Response:
    """Return the response with more headers, which it must not have yet; those without a value are left out."""
    # Appended to werkzeug's list, because its add() takes three times as long. gunicorn refuses a line break in a
    # value, and none of these can have one.
    response.headers._list += [header for header in headers if header[1]]
    return response


def _headers(speech: SpeechResult) -> Iterator[tuple[str, str]]:
    info, built, here = speech.info, services(), g._get_current_object()
    here.log = {"provider": info.provider, "cache": speech.outcome, "characters": info.characters}
    for name, field in HEADER_FIELDS.items():
        value = str(getattr(info, field))
        yield name, value if PLAIN.fullmatch(value) else quote(value, safe=SAFE)
    yield "x-cache", speech.outcome
    # Not a hash of the clip, which would cost each hit 127-210 us for 100 kB (measured).
    yield "ETag", speech.etag
    left = built.config.cache.ttl_seconds
    if speech.outcome == "HIT":
        age = max(0, int(time.time() - info.created))
        left -= age
        yield "Age", str(age)
    if speech.fallback:
        left = min(left, MAX_FALLBACK_AGE)
        here.log["fallback"] = ",".join(speech.fallback)
        yield "x-fallback", here.log["fallback"]
    yield "Cache-Control", "private, no-store" if speech.outcome == "BYPASS" else f"private, max-age={max(0, left)}"
    yield "Server-Timing", f"total;dur={(time.monotonic() - here.started) * 1000:.1f}"
    if (remaining := built.usage.remaining(here.caller)) is not None:
        yield "x-quota-remaining", str(remaining)
