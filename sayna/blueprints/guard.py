"""Around every request: its id, the caller, safe headers, one log line."""

import logging
import re
import secrets
import time
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import NotFound

from sayna import log, metrics
from sayna.auth import Authenticator, AuthRequest, read_key, read_token
from sayna.blueprints import cors
from sayna.blueprints.body import read_body, read_form, read_object
from sayna.blueprints.context import current_request, services
from sayna.caller import UNRESTRICTED, Caller
from sayna.errors import NotAuthenticated, SaynaError

# A list of the public routes: a new route needs a token unless it is added here.
PUBLIC = frozenset(
    {
        "health.health",
        "health.ready",
        "metrics.metrics",
        "livekit.livekit_webhook",
        "openai.health_test",
        "clips.play",
        "manual.index",
        "manual.page",
        "manual.file",
        "docs.openapi",
        "docs.page",
        "docs.file",
        "studio.page",
        "studio.file",
    }
)
# The lists of other servers' dialects, which need no token with PUBLIC_DISCOVERY.
DISCOVERY = frozenset(
    {
        "openai.models",
        "openai.model",
        "openai.audio_models",
        "openai.audio_voices",
        "elevenlabs.models",
        "elevenlabs.voices",
        "elevenlabs.search",
        "elevenlabs.voice_details",
        "elevenlabs.default_settings",
        "marytts.mary_voices",
        "marytts.locales",
        "marytts.version",
        "marytts.audio_formats",
        "marytts.data_types",
        "marytts.audio_effects",
    }
)
# The endpoints where ElevenLabs's own header carries the token.
XI_API_KEY = re.compile(r"elevenlabs\..+|openai\.models")
TWO_HEADERS = re.compile(r",\s*(?=[A-Za-z]+ )")  # WSGI joins repeated headers with a comma.
# The id goes into a response header, where CR, LF and much of Unicode would cause a 500 (werkzeug, gunicorn).
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ONE_SLASH = re.compile(r"/(?!/)")

logger = logging.getLogger("sayna.request")


def register(app: Flask) -> None:
    """Require a token for every route of `app` except the public ones."""
    app.before_request(_begin)
    app.before_request(cors.answer_preflight)
    app.before_request(_authenticate)
    app.after_request(_finish)
    app.after_request(cors.add_headers)


def _begin() -> None:
    given = current_request().environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    here = g._get_current_object()
    here.started, here.request_id = time.monotonic(), request_id
    log.request_id.set(request_id)
    # werkzeug drops leading slashes and adds a missing one, but a path has one spelling.
    if not ONE_SLASH.match(current_request().environ["PATH_INFO"]):
        raise NotFound


def _authenticate() -> None:
    """Set g.caller; check the matched route, not the path, because a path has many spellings."""
    authenticator, incoming = services().authenticator, current_request()
    g.caller = UNRESTRICTED
    # Without a route the response is 404 for every client.
    if authenticator is None or incoming.url_rule is None or is_public(incoming.endpoint or ""):
        return
    headers = incoming.headers
    authorization = [part for value in headers.getlist("Authorization") for part in TWO_HEADERS.split(value)]
    header_keys = headers.getlist("X-API-Key")
    keys = headers.getlist("xi-api-key") if XI_API_KEY.fullmatch(incoming.endpoint or "") else []
    if keys:
        token = read_key(keys, [*authorization, *header_keys])
    else:
        allow_query = services().config.auth.allow_query_key
        query_keys = incoming.args.getlist("api_key")
        token = read_token(authorization, query_keys, allow_query=allow_query, header_keys=header_keys)
    g.caller = _authenticate_limited(authenticator, token)


def is_public(endpoint: str) -> bool:
    """Return whether an endpoint needs no token."""
    return endpoint in PUBLIC or (endpoint in DISCOVERY and services().config.compat.public_discovery)


def _authenticate_limited(authenticator: Authenticator, token: str) -> Caller:
    """Return the caller of a token; raises TooManyFailures when its address sent too many wrong ones."""
    built, environ = services(), current_request().environ
    limiter = built.failure_limiter
    client = built.proxies.client_address(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
    if limiter is None or client is None:
        return authenticator.authenticate(token, _auth_request)
    limiter.check(client)
    try:
        return authenticator.authenticate(token, _auth_request)
    except SaynaError as error:
        # Count every 4xx when shared secrets are set: a body that cannot be parsed is refused after the token was
        # compared with them, so the response would tell the client that its guess was wrong.
        is_guess = error.status < HTTPStatus.INTERNAL_SERVER_ERROR and built.config.auth.secrets
        if (is_guess or isinstance(error, NotAuthenticated)) and limiter.record_failure(client):
            log.emit(logger, logging.WARNING, "auth_failures", client=client)
        raise


def _auth_request() -> AuthRequest:
    """Return the request for the auth service; it judges the very object that the view uses."""
    has_body = request.content_length or "chunked" in _transfer_encoding()
    body = _body() if has_body else {}
    query = str(request.environ.get("QUERY_STRING", ""))
    return AuthRequest(request.method, request.path, dict(request.headers), body, query)


def _body() -> dict[str, Any]:
    # MaryTTS's clients send forms, and some of them without a type.
    if request.blueprint == "marytts":
        return dict(read_form(request))
    return read_object(request) if read_body(request) else {}


def _transfer_encoding() -> str:
    return request.headers.get("Transfer-Encoding", "").lower()


def _finish(response: Response) -> Response:
    here, incoming = g._get_current_object(), current_request()
    # add() instead of set(), because set() searches the headers, and no view sends these.
    response.headers.add("X-Request-ID", here.request_id)
    # Browsers must not render audio or an error as a page.
    response.headers.add("X-Content-Type-Options", "nosniff")
    if ignored := here.get("ignored_fields"):
        response.headers.add("x-ignored-fields", ignored)
    # Read the fields now, because `g` and the request no longer exist when a stream ends.
    fields = {
        "method": incoming.method,
        "route": incoming.url_rule.rule if incoming.url_rule else None,
        "status": response.status_code,
        "tenant": here.get("caller", UNRESTRICTED).tenant,
        "request_id": here.request_id,
        "code": here.get("error_code"),
        **here.get("log", {}),
    }
    started = here.started
    if response.is_streamed:
        response.call_on_close(lambda: _log(fields, started))
    else:
        _log(fields, started)
    return response


def _log(fields: dict[str, Any], started: float) -> None:
    seconds = time.monotonic() - started
    if (meters := metrics.meters()) is not None:
        # A route is a pattern of few: a path would be a new series for each clip.
        provider, failed = fields.get("provider", ""), fields["status"] >= HTTPStatus.BAD_REQUEST
        outcome = "FAILED" if failed else fields.get("cache", "")
        meters.request(fields["route"] or "none", fields["status"], seconds, provider if outcome else "", outcome)
    log.emit(
        logger,
        logging.INFO,
        "request",
        **{name: value for name, value in fields.items() if value is not None},
        duration_ms=round(seconds * 1000, 1),
    )
