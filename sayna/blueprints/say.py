"""GET /say: speech by one GET, for telephone systems and scripts in the same network."""

from functools import partial

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from sayna.audio.file_endings import ENDINGS
from sayna.blueprints.body import check_query
from sayna.blueprints.clip_answers import clip_response
from sayna.blueprints.context import allowed_plan, services
from sayna.blueprints.open_requests import check_site, open_plan
from sayna.schemas.clips import load_say

blueprint = Blueprint("say", __name__)


@blueprint.get("/say.<ext>")
def say(ext: str) -> Response:
    """Answer with the speech of the query, as GET /clip does."""
    config = services().config
    if not config.clips.say_enabled or ext not in ENDINGS:
        raise NotFound
    check_site(request)
    check_query(request)
    plan = open_plan(load_say(dict(request.args.lists())), partial(services().clips.plan, ending=ext))
    return clip_response(allowed_plan(plan), ext, "private" if config.auth.required else "public")
