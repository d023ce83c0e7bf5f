"""GET /say: speech by one GET, for telephone systems and scripts in the same network."""

from urllib.parse import urlsplit

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import NotFound

from sayna.audio.file_endings import ENDINGS
from sayna.blueprints.clip_answers import clip_response, seconds_to_keep
from sayna.blueprints.context import check_provider, services
from sayna.openapi import documented
from sayna.openapi.operations.clips import SAY
from sayna.schemas.clips import load_say
from sayna.speech.clip_errors import CrossSiteRequest, OpenVendorsDisabled

blueprint = Blueprint("say", __name__)


@blueprint.get("/say.<ext>")
@documented(SAY)
def say(ext: str) -> Response:
    """Answer with the speech of the query, as GET /clip does."""
    config = services().config
    if not config.clips.say_enabled or ext not in ENDINGS:
        raise NotFound
    _check_origin(request)
    plan = services().clips.plan(load_say(dict(request.args.lists())), ext)
    check_provider(plan.provider.slug)
    # Any web page could make its reader's browser spend the operator's money.
    if not (config.auth.required or plan.provider.local or config.clips.open_get_vendors):
        raise OpenVendorsDisabled(
            f"without authentication, GET speaks with local providers only, not with {plan.provider.slug}; "
            "set AUTH_REQUIRED, or OPEN_GET_VENDORS to allow it"
        )
    scope = "private" if config.auth.required else "public"
    return clip_response(plan, ext, f"{scope}, max-age={seconds_to_keep(float('inf'))}")


def _check_origin(request: Request) -> None:
    """Raise CrossSiteRequest when a browser says that a page of another site sent the request."""
    origin = request.headers.get("Origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.host
    if is_foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CrossSiteRequest("a page of another site may not speak here; send the request from your own server")
