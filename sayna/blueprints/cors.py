"""CORS: scripts of web pages on the origins in CORS_ORIGINS may call the speech endpoints. Off by default."""

import re

from flask import Response

from sayna.blueprints.context import current_request, services

# Without GET /clip, because a Vary would split the caches in front of it (contract 13).
ENDPOINTS = re.compile(r"(speak|voices|openai|elevenlabs|jambonz|marytts)\..+|clips\.mint|livekit\.token")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
METHODS = "GET, HEAD, POST"
# All that a page may read beside what every page may read.
EXPOSED = (
    "ETag, Age, Retry-After, Server-Timing, X-Request-ID, x-provider, x-voice-id, x-audio-format, x-sample-rate, "
    "x-channels, x-cache, x-fallback, x-should-retry, x-quota-remaining, x-ignored-fields, x-voices-stale, "
    "x-voices-failed, x-voices-key-refused"
)
PREFLIGHT_SECONDS = 600


def answer_preflight() -> Response | None:
    """Return the answer to an OPTIONS of an allowed origin, before the guard: browsers send no token with it."""
    request = current_request()
    if not _is_allowed() or "Access-Control-Request-Method" not in request.headers:
        return None
    asked = request.headers.get("Access-Control-Request-Headers", "").split(",")[:50]
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Headers"] = ", ".join(
        name for name in map(str.strip, asked) if HEADER_NAME.fullmatch(name)
    )
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def add_headers(response: Response) -> None:
    """Allow the page of an allowed origin to read the response."""
    if services().config.compat.cors_origins and ENDPOINTS.fullmatch(current_request().endpoint or ""):
        # A cache must not give the response of a request without Origin to a page.
        response.headers.add("Vary", "Origin")
        if _is_allowed():
            response.headers["Access-Control-Allow-Origin"] = current_request().headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = EXPOSED


def _is_allowed() -> bool:
    request = current_request()
    origins = services().config.compat.cors_origins
    return request.headers.get("Origin") in origins and ENDPOINTS.fullmatch(request.endpoint or "") is not None
