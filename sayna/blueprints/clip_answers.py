"""The audio of /clip and /say as telephone systems take it: whole, with a length and validators, or a plain error.

The rules and the systems that need them are in docs/telephony.md.
"""

import functools
import math
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Request, Response, g
from werkzeug import http

from sayna.audio.file_endings import ENDINGS
from sayna.blueprints.context import caller_connection, current_request, services
from sayna.blueprints.responses import MAX_FALLBACK_AGE, whole_response, with_headers
from sayna.recordings.library import CONDITIONAL, entity_tags, evaluate, parsed_date
from sayna.speech.plan import Plan
from sayna.speech.service import SpeechResult
from sayna.storage import ObjectInfo

# The conditions that `_known_tag` decides, and the other ones with their names in WSGI.
DECIDED = ("If-None-Match", "If-Modified-Since")
OTHERS = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in CONDITIONAL if name not in DECIDED}
_http_date = functools.lru_cache(maxsize=256)(http.http_date)


def clip_response(plan: Plan, ending: str, scope: str, seconds_left: float = math.inf) -> Response:
    """Return the audio, a range of it, or 304 where the client has it; only the first of these renders.

    `scope` is `public` or `private`, and the URL is valid for `seconds_left`.
    """
    request, clips = current_request(), services().clips
    speech = services().fallback.cached(plan, g.caller)
    g.log = {"provider": plan.provider.slug, "characters": plan.characters, "cache": "HIT"}
    known = _known_tag(request, plan.key, speech)
    if known is None and speech is None:
        speech = clips.render(plan, is_client_connected=caller_connection(request), caller=g.caller)
        g.log |= {"provider": speech.plan.provider.slug, "cache": speech.outcome}
        # The client may have the speech of this target since an earlier fallback.
        known = _known_tag(request, speech.plan.key, speech) if speech.fallback else None
    headers = [("Accept-Ranges", "bytes")]
    if speech is not None:
        headers.append(("Last-Modified", _http_date(int(speech.created))))
        if speech.fallback:
            headers.append(("x-fallback", fallback := ",".join(speech.fallback)))
            g.log["fallback"], seconds_left = fallback, min(seconds_left, MAX_FALLBACK_AGE)
    # Players and proxies may keep a clip until it expires, but not longer than the cache.
    kept_seconds = max(0, int(min(seconds_left, services().config.cache.ttl_seconds)))
    headers.append(("Cache-Control", f"{scope}, max-age={kept_seconds}"))
    if known is None and speech is not None:
        return with_headers(_audio(request, speech, ENDINGS[ending].content_type), headers)
    response = Response(status=HTTPStatus.NOT_MODIFIED)
    response.headers.pop("Content-Type")
    return with_headers(response, [("ETag", known or ""), *headers])


def _audio(request: Request, speech: SpeechResult, content_type: str) -> Response:
    audio, status, headers = speech.finished().audio, 200, [("ETag", speech.etag)]
    environ = request.environ
    if conditions := {name: environ[key] for name, key in OTHERS.items() if key in environ}:
        info = ObjectInfo(len(audio), speech.etag, _created(speech))
        decision = evaluate(conditions, info, ranges=environ["REQUEST_METHOD"] != "HEAD")
        status, span = decision.status, decision.span
        if status == HTTPStatus.PARTIAL_CONTENT and span is not None:
            audio = audio[span.start : span.start + span.length]
            headers.append(("Content-Range", f"bytes {span.start}-{span.start + span.length - 1}/{info.size}"))
    return with_headers(whole_response([audio], content_type, status), headers)


def _known_tag(request: Request, key: str, speech: SpeechResult | None) -> str | None:
    """Return the ETag of the sound that the client has, "" when it named none, None when it has another or none."""
    environ = request.environ
    if (header := environ.get("HTTP_IF_NONE_MATCH")) is not None:
        tags = entity_tags(header)
        # Another take of the same sound is as good, and no provider is called for it.
        same = next((tag for tag in tags.as_set(include_weak=True) if tag and tag.partition("-")[0] == key), None)
        current = speech.etag if speech else f'"{same}"' if same else ""
        return current if same or tags.star_tag else None
    since = parsed_date(environ.get("HTTP_IF_MODIFIED_SINCE"))
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
