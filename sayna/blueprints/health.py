"""GET / reports that the process is alive, GET /ready that it accepts work."""

from flask import Blueprint, Response, current_app, request

from sayna import __version__
from sayna.blueprints.accept import prefers_html
from sayna.blueprints.context import services
from sayna.blueprints.pages import home_page
from sayna.blueprints.responses import json_response

blueprint = Blueprint("health", __name__)


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
