"""GET /say: speech by one GET, for telephone systems and scripts in the same network."""

from dataclasses import replace

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from sayna.audio.file_endings import ENDINGS
from sayna.blueprints.body import check_query
from sayna.blueprints.clip_answers import clip_response, seconds_to_keep
from sayna.blueprints.context import check_provider, services
from sayna.blueprints.open_requests import check_site, open_provider
from sayna.openapi import documented
from sayna.openapi.operations.clips import SAY
from sayna.schemas.clips import load_say

blueprint = Blueprint("say", __name__)


@blueprint.get("/say.<ext>")
@documented(SAY)
def say(ext: str) -> Response:
    """Answer with the speech of the query, as GET /clip does."""
    config = services().config
    if not config.clips.say_enabled or ext not in ENDINGS:
        raise NotFound
    check_site(request)
    check_query(request)
    wanted = load_say(dict(request.args.lists()))
    provider = open_provider(wanted.provider)
    check_provider(provider.slug)
    plan = services().clips.plan(replace(wanted, provider=provider.slug), ext)
    scope = "private" if config.auth.required else "public"
    return clip_response(plan, ext, f"{scope}, max-age={seconds_to_keep(float('inf'))}")
