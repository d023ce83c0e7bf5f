"""GET / and GET /ready for load balancers, GET /metrics for Prometheus."""

import hmac
import sqlite3

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import NotFound

from sayna import __version__
from sayna import metrics as counted
from sayna.auth import read_token
from sayna.blueprints.accept import prefers_html
from sayna.blueprints.context import services
from sayna.blueprints.pages import home_page
from sayna.blueprints.responses import json_response
from sayna.config import is_loopback
from sayna.errors import NotAuthenticated
from sayna.metrics import MetricsForbidden

blueprint = Blueprint("health", __name__)

FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded")


@blueprint.get("/")
def health() -> Response:
    """Answer 200 without any check; browsers get a small page."""
    response = home_page() if prefers_html(request.headers.get("Accept", "")) else json_response({"status": "ok"})
    response.headers["Vary"] = "Accept"
    return response


@blueprint.get("/ready")
def ready() -> Response:
    """Answer 200 when no check but `redis` has failed, otherwise 503 with the names of those that have."""
    # A draining process wants no new work, but GET / stays 200: otherwise a supervisor would kill it.
    serving = "failed" if current_app.extensions["sayna.draining"]() else "ok"
    checks = {**services().checks(), "serving": serving}
    failed = [name for name, check in checks.items() if check == "failed" and name != "redis"]
    if failed:
        reason = {"error": f"these checks failed: {', '.join(failed)}", "code": "NOT_READY"}
        return json_response({"status": "unavailable", "version": __version__, "checks": checks, **reason}, 503)
    return json_response({"status": "ready", "version": __version__, "checks": checks})


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the metrics; raises NotAuthenticated, MetricsForbidden, and NotFound when they are off."""
    config = services().config.metrics
    if not config.enabled:
        raise NotFound
    if config.token is not None:
        given = read_token(request.headers.getlist("Authorization"), [], allow_query=False)
        if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), config.token.reveal().encode()):
            raise NotAuthenticated("unauthorized", "The token is not that of METRICS_TOKEN.")
    # The peer of a unix socket has no address; it is a proxy.
    elif not is_loopback(request.environ.get("REMOTE_ADDR", "")) or any(name in request.headers for name in FORWARDED):
        raise MetricsForbidden("metrics are for programs on this machine; set METRICS_TOKEN for others")
    body, content_type = counted.exposition(_gauges())
    return Response(body, content_type=content_type)


def _gauges() -> list[tuple[str, str, float]]:
    try:
        stats = services().cache.stats()
    except (OSError, sqlite3.Error):
        return []
    return [
        ("sayna_cache_bytes", "Bytes of cached audio.", stats.bytes),
        ("sayna_cache_clips", "Clips in the cache.", stats.entries),
    ]
