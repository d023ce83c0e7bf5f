"""The audio of /clip and /say as telephone systems take it: whole, with a length and validators, or a plain error.

The rules and the systems that need them are in docs/telephony.md.
"""

import math
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Request, Response, g
from werkzeug import http

from sayna.audio.file_endings import ENDINGS
from sayna.blueprints.context import caller_connection, current_request, services
from sayna.blueprints.responses import MAX_FALLBACK_AGE
from sayna.recordings.conditions import evaluate
from sayna.speech.plan import Plan
from sayna.speech.service import SpeechResult
from sayna.storage import ObjectInfo


def clip_response(plan: Plan, ending: str, scope: str, seconds_left: float = math.inf) -> Response:
    """Return the audio, a range of it, or 304 where the client has it; only the first of these renders.

    `scope` is `public` or `private`, and the URL is valid for `seconds_left`.
    """
    request, clips = current_request(), services().clips
    speech = clips.cached(plan, g.caller)
    g.log = {"provider": plan.provider.slug, "characters": plan.characters, "cache": "HIT"}
    known = _known_tag(request, plan.key, speech)
    if known is None and speech is None:
        speech = clips.render(plan, is_client_connected=caller_connection(request), caller=g.caller)
        g.log |= {"provider": speech.plan.provider.slug, "cache": speech.outcome}
        # The client may have the speech of this target since an earlier fallback.
        known = _known_tag(request, speech.plan.key, speech) if speech.fallback else None
    response = _audio(request, speech) if known is None and speech is not None else _not_modified(known)
    if response.status_code != HTTPStatus.NOT_MODIFIED:
        response.headers["Content-Type"] = ENDINGS[ending].content_type
    if speech is not None:
        response.last_modified = _created(speech)
        if speech.fallback:
            response.headers["x-fallback"] = g.log["fallback"] = ",".join(speech.fallback)
            seconds_left = min(seconds_left, MAX_FALLBACK_AGE)
    response.headers["Cache-Control"] = f"{scope}, max-age={_seconds_to_keep(seconds_left)}"
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _not_modified(known: str | None) -> Response:
    response = Response(status=HTTPStatus.NOT_MODIFIED)
    response.headers.pop("Content-Type")
    if known:
        response.headers["ETag"] = known
    return response


def _audio(request: Request, speech: SpeechResult) -> Response:
    audio = speech.finished().audio
    info = ObjectInfo(len(audio), speech.etag, _created(speech))
    decision = evaluate(_OtherConditions(request), info, ranges=request.method != "HEAD")
    span = decision.span
    if decision.status != HTTPStatus.PARTIAL_CONTENT or span is None:
        response = Response(audio)
    else:
        response = Response(audio[span.start : span.start + span.length], decision.status)
        response.headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{info.size}"
    response.headers["ETag"] = info.etag
    return response


class _OtherConditions:
    """The headers of a request, without the conditions that `_known_tag` has decided."""

    def __init__(self, request: Request) -> None:
        self._headers = request.headers

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None."""
        return None if name in ("If-None-Match", "If-Modified-Since") else self._headers.get(name)


def _known_tag(request: Request, key: str, speech: SpeechResult | None) -> str | None:
    """Return the ETag of the sound that the client has, "" when it named none, None when it has another or none."""
    if (header := request.headers.get("If-None-Match")) is not None:
        tags = http.parse_etags(header if '"' in header or header.strip() == "*" else "")
        # Another take of the same sound is as good, and no provider is called for it.
        same = next((tag for tag in tags.as_set(include_weak=True) if tag.partition("-")[0] == key), None)
        current = speech.etag if speech else f'"{same}"' if same else ""
        return current if same or tags.star_tag else None
    since = _date(request.headers.get("If-Modified-Since"))
    if since is None:
        return None
    if speech is not None:
        return speech.etag if _created(speech) <= since else None
    # Without the clip, any copy that the cache could still hold counts, because its URL says the same.
    age = (datetime.now(UTC) - since).total_seconds()
    return "" if 0 <= age <= services().config.cache.ttl_seconds else None


def _created(speech: SpeechResult) -> datetime:
    # HTTP dates have no fractions of a second.
    return datetime.fromtimestamp(int(speech.created), UTC)


def _date(header: str | None) -> datetime | None:
    try:
        return http.parse_date(header)
    except OverflowError:
        # A day or a zone of twenty digits.
        return None


def _seconds_to_keep(seconds_left: float) -> int:
    """Return how long players and proxies may keep a clip: until it expires, but not longer than the cache."""
    return max(0, int(min(seconds_left, services().config.cache.ttl_seconds)))
