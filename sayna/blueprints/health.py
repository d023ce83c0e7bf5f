"""GET / reports that the process is alive, GET /ready that it accepts work."""

from flask import Blueprint, Response, current_app

from sayna import __version__
from sayna.blueprints.context import services
from sayna.blueprints.responses import json_response
from sayna.openapi import documented
from sayna.openapi.operations.server import HEALTH, READY

blueprint = Blueprint("health", __name__)


@blueprint.get("/")
@documented(HEALTH)
def health() -> Response:
    """Answer 200 without any check."""
    return json_response({"status": "ok"})


@blueprint.get("/ready")
@documented(READY)
def ready() -> Response:
    """Answer 200 when every check passes, otherwise 503 with the check that failed."""
    # A draining process wants no new work, but GET / stays 200: otherwise a supervisor would kill it.
    checks = {**services().checks(), "serving": not current_app.extensions["sayna.draining"]()}
    named = {name: "ok" if good else "failed" for name, good in checks.items()}
    failed = [name for name, good in checks.items() if not good]
    if failed:
        reason = {"error": f"these checks failed: {', '.join(failed)}", "code": "NOT_READY"}
        return json_response({"status": "unavailable", "version": __version__, "checks": named, **reason}, 503)
    return json_response({"status": "ready", "version": __version__, "checks": named})
