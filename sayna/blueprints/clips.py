"""POST /clips mints a URL that any telephone system can play; GET /clip plays it. GET /say needs no URL of its own."""

import re
import time
from functools import partial

from flask import Blueprint, Request, Response, g, request
from werkzeug.exceptions import NotFound

from sayna.audio.file_endings import ENDINGS
from sayna.blueprints.body import check_query, read_object
from sayna.blueprints.clip_answers import clip_response
from sayna.blueprints.context import allowed_plan, caller_connection, services
from sayna.blueprints.open_requests import check_site, open_plan
from sayna.blueprints.responses import json_response
from sayna.errors import InvalidRequest
from sayna.schemas.clips import CLIP, dump_clip, load_clip, load_say

blueprint = Blueprint("clips", __name__)

HOST = re.compile(r"[A-Za-z0-9.\[\]:-]{1,255}")


@blueprint.post("/clips")
def mint() -> Response:
    """Answer with a signed URL; the speech is rendered first, unless the request says otherwise."""
    wanted, clips = load_clip(read_object(request, CLIP)), services().clips
    base_url = services().config.clips.public_url or _base_url(request)
    signed = clips.mint(wanted.speech, wanted.ext, expires_in=wanted.expires_in, caller=g.caller, base_url=base_url)
    plan = allowed_plan(signed.plan)
    speech = services().fallback.cached(plan, g.caller if wanted.render else None)
    g.log = {"provider": plan.provider.slug, "characters": plan.characters}
    if speech is None and wanted.render:
        speech = clips.render(plan, is_client_connected=caller_connection(request), caller=g.caller)
        g.log["cache"] = speech.outcome
    return json_response(dump_clip(signed, wanted.ext, base_url, speech.clip if speech else None), 201)


@blueprint.get("/clip/<payload>/<signature>.<ext>")
def play(payload: str, signature: str, ext: str) -> Response:
    """Answer with the audio of a signed URL; what the request says of caching is ignored, because that costs money."""
    clip = services().clips.open(payload, signature, ext)
    # The clip counts on the tenant that minted it.
    g.caller = clip.caller
    return clip_response(clip.plan, ext, "public", clip.seconds_left(time.time()))


@blueprint.get("/say.<ext>")
def say(ext: str) -> Response:
    """Answer with the speech of the query, as GET /clip does: for telephone systems and scripts in the same network."""
    config = services().config
    if not config.clips.say_enabled or ext not in ENDINGS:
        raise NotFound
    check_site(request)
    check_query(request)
    plan = open_plan(load_say(dict(request.args.lists())), partial(services().clips.plan, ending=ext))
    return clip_response(allowed_plan(plan), ext, "private" if config.auth.required else "public")


def _base_url(request: Request) -> str:
    """Return scheme and host of the request; raises InvalidRequest where the host could not stand in a URL."""
    if not HOST.fullmatch(request.host):
        raise InvalidRequest("the Host header is not a host name; correct it, or set PUBLIC_URL on the server")
    return f"{request.scheme}://{request.host}"
