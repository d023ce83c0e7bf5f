"""GET /metrics: the metrics of all workers, for Prometheus."""

import hmac
import sqlite3

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import NotFound

from sayna import metrics as counted
from sayna.auth import read_token
from sayna.blueprints.context import services
from sayna.config import is_loopback
from sayna.errors import NotAuthenticated
from sayna.metrics import MetricsForbidden

blueprint = Blueprint("metrics", __name__)

FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the metrics; raises NotAuthenticated, MetricsForbidden, and NotFound when they are off."""
    if not services().config.metrics.enabled:
        raise NotFound
    _check(request)
    body, content_type = counted.exposition(_gauges())
    return Response(body, content_type=content_type)


def _check(asked: Request) -> None:
    token = services().config.metrics.token
    if token is not None:
        given = read_token(asked.headers.getlist("Authorization"), [], allow_query=False)
        if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.reveal().encode()):
            raise NotAuthenticated("unauthorized", "The token is not that of METRICS_TOKEN.")
    # The peer of a unix socket has no address; it is a proxy.
    elif not is_loopback(asked.environ.get("REMOTE_ADDR", "")) or any(name in asked.headers for name in FORWARDED):
        raise MetricsForbidden("metrics are for programs on this machine; set METRICS_TOKEN for others")


def _gauges() -> list[tuple[str, str, float]]:
    try:
        stats = services().cache.stats()
    except (OSError, sqlite3.Error):
        return []
    return [
        ("sayna_cache_bytes", "Bytes of cached audio.", stats.bytes),
        ("sayna_cache_clips", "Clips in the cache.", stats.entries),
    ]
