"""What surrounds every request: its id, who is calling, the safe headers, one log line."""

import logging
import re
import secrets
import time
from http import HTTPStatus

from flask import Flask, Response, g, request
from werkzeug.exceptions import NotFound

from sayna import log
from sayna.auth import Authenticator, AuthRequest, read_token
from sayna.blueprints.body import parse_object, read_body
from sayna.blueprints.context import current_request, services
from sayna.caller import UNRESTRICTED, Caller
from sayna.errors import NotAuthenticated, SaynaError

# Named one by one: a route that is forgotten here is closed, not open.
PUBLIC = frozenset(
    {
        "health.health",
        "health.ready",
        "webhook.livekit_webhook",
        "docs.openapi",
        "docs.page",
        "docs.file",
        "studio.page",
        "studio.file",
    }
)
TWO_HEADERS = re.compile(r",\s*(?=[A-Za-z]+ )")  # WSGI joins repeated headers with a comma
# Sent back in a header, where werkzeug answers CR and LF with a 500, and gunicorn much of Unicode.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ONE_SLASH = re.compile(r"/(?!/)")

logger = logging.getLogger("sayna.request")


def register(app: Flask) -> None:
    """Guard every route of `app` but the public ones."""
    app.before_request(_begin)
    app.before_request(_authenticate)
    app.after_request(_finish)


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
    """Settle g.caller by the matched route, so that no spelling of a path goes around it."""
    authenticator, asked = services().authenticator, current_request()
    g.caller = UNRESTRICTED
    # Where no route matches there is nothing to guard: a 404 for everybody.
    if authenticator is None or asked.url_rule is None or asked.endpoint in PUBLIC:
        return
    token = read_token(
        [part for value in asked.headers.getlist("Authorization") for part in TWO_HEADERS.split(value)],
        asked.args.getlist("api_key"),
        allow_query=services().config.auth.allow_query_key,
    )
    g.caller = _authenticate_limited(authenticator, token)


def _authenticate_limited(authenticator: Authenticator, token: str) -> Caller:
    """Return who holds a token; an address with too many wrong ones is refused unheard, or it could go on."""
    built, environ = services(), current_request().environ
    budget = built.budget
    client = built.proxies.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
    if budget is None or client is None:
        return authenticator.authenticate(token, _auth_request)
    budget.check(client)
    try:
        return authenticator.authenticate(token, _auth_request)
    except SaynaError as error:
        # A body that the auth service cannot be shown is refused after the secrets were tried, so that says
        # that the token is none of them.
        is_guess = error.status < HTTPStatus.INTERNAL_SERVER_ERROR and built.config.auth.secrets
        if (is_guess or isinstance(error, NotAuthenticated)) and budget.record_failure(client):
            log.emit(logger, logging.WARNING, "auth_failures", client=client)
        raise


def _auth_request() -> AuthRequest:
    """Return what the auth service is shown; the body is parsed once and is what the view will see."""
    # The auth service judges the very object that the view handles, not another reading of the same bytes.
    g.raw_body = read_body(request) if request.content_length or "chunked" in _transfer_encoding() else b""
    g.body = parse_object(g.raw_body) if g.raw_body else {}
    return AuthRequest(request.method, request.path, dict(request.headers), g.body)


def _transfer_encoding() -> str:
    return request.headers.get("Transfer-Encoding", "").lower()


def _finish(response: Response) -> Response:
    here, asked = g._get_current_object(), current_request()
    # Added, not set: no view gives these, and to look for them costs more than all else here.
    response.headers.add("X-Request-ID", here.request_id)
    # Neither audio nor an error may be taken for a page.
    response.headers.add("X-Content-Type-Options", "nosniff")
    # Read now: Flask's `g` and the request are gone when a stream ends.
    fields = {
        "method": asked.method,
        "route": asked.url_rule.rule if asked.url_rule else None,
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


def _log(fields: dict[str, object], started: float) -> None:
    log.emit(
        logger,
        logging.INFO,
        "request",
        **{name: value for name, value in fields.items() if value is not None},
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )
