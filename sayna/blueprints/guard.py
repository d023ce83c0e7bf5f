"""Around every request: its id, the caller, safe headers, one log line."""

import logging
import re
import secrets
import time
from http import HTTPStatus
from typing import Any

from flask import Flask, Request, Response, g, request
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
    (
        "health.health",
        "health.ready",
        "health.metrics",
        "livekit.livekit_webhook",
        "openai.health_test",
        "clips.play",
        "help.index",
        "help.page",
        "help.file",
        "docs.openapi",
        "docs.page",
        "docs.file",
        "studio.page",
        "studio.file",
    )
)
# The lists of other servers' dialects, which need no token with PUBLIC_DISCOVERY.
DISCOVERY = frozenset(
    (
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
    )
)
# The endpoints where ElevenLabs's own header carries the token.
XI_API_KEY = re.compile(r"elevenlabs\..+|openai\.models")
TOKEN_HEADERS = ("HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_XI_API_KEY")
TWO_HEADERS = re.compile(r",\s*(?=[A-Za-z]+ )")  # WSGI joins repeated headers with a comma.
# The id goes into a response header, where CR, LF and much of Unicode would cause a 500 (werkzeug, gunicorn).
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ONE_SLASH = re.compile(r"/(?!/)")

logger = logging.getLogger("sayna.request")


def register(app: Flask) -> None:
    """Require a token for every route of `app` except the public ones."""
    # One function for each side, because Flask takes 2 % of a hit to call another (bench/instructions.py).
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> Response | None:
    """Note id and start of the request, set g.caller, and return the answer to a CORS preflight."""
    incoming, here = current_request(), g._get_current_object()
    given = incoming.environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    here.started, here.request_id, here.caller = time.monotonic(), request_id, UNRESTRICTED
    log.request_id.set(request_id)
    # werkzeug drops leading slashes and adds a missing one, but a path has one spelling.
    if not ONE_SLASH.match(incoming.environ["PATH_INFO"]):
        raise NotFound
    if incoming.method == "OPTIONS" and (preflight := cors.answer_preflight()):
        return preflight
    here.caller = _authenticated(incoming)
    return None


def _authenticated(incoming: Request) -> Caller:
    """Return the caller; check the matched route, not the path, because a path has many spellings."""
    built, endpoint = services(), incoming.endpoint or ""
    # Without a route the response is 404 for every client.
    if built.authenticator is None or incoming.url_rule is None or is_public(endpoint):
        return UNRESTRICTED
    # Read from the environ, because werkzeug searches all headers for each getlist().
    environ = incoming.environ
    authorization, keys, xi_keys = ([environ[name]] if name in environ else [] for name in TOKEN_HEADERS)
    authorization = [part for value in authorization for part in TWO_HEADERS.split(value)]
    if xi_keys and XI_API_KEY.fullmatch(endpoint):
        token = read_key(xi_keys, [*authorization, *keys])
    else:
        allow_query = built.config.auth.allow_query_key
        query_keys = incoming.args.getlist("api_key") if allow_query else []
        token = read_token(authorization, query_keys, allow_query=allow_query, header_keys=keys)
    return _authenticate_limited(built.authenticator, token)


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
    has_body = request.content_length or "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    body: dict[str, Any] = {}
    # MaryTTS's clients send forms, and some of them without a type.
    if has_body and request.blueprint == "marytts":
        body = dict(read_form(request))
    elif has_body and read_body(request):
        body = read_object(request)
    query = str(request.environ.get("QUERY_STRING", ""))
    return AuthRequest(request.method, request.path, dict(request.headers), body, query)


def _finish(response: Response) -> Response:
    cors.add_headers(response)
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
        "tenant": here.caller.tenant,
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
