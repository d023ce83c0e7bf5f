"""GET /usage: what the caller's tenant has used in a month. GET /limits: what the caller may send."""

from collections import Counter
from dataclasses import asdict

from flask import Blueprint, Response, g, request

from sayna import audio
from sayna.blueprints.body import check_query
from sayna.blueprints.context import services
from sayna.blueprints.responses import json_response

blueprint = Blueprint("usage", __name__)


@blueprint.get("/usage")
def usage() -> Response:
    """Answer with the characters of a month: the tenant's own, or everything when authentication is off."""
    check_query(request)
    caller, meter = g.caller, services().usage
    month = meter.parse_month(request.args.get("month", ""))
    counts = meter.month(month, None if caller.is_unrestricted else caller.tenant or "")
    providers: dict[str, Counter[str]] = {}
    for key, count in counts.items():
        providers.setdefault(key.provider, Counter()).update(asdict(count))
    sums = {name: sum(each[name] for each in providers.values()) for name in ("billed", "saved")}
    who = {"month": month, "tenant": caller.tenant, "limit": meter.limit_of(caller)}
    return json_response({**who, **sums, "providers": providers})


@blueprint.get("/limits")
def limits() -> Response:
    """Answer with what the caller may send, its cap, and what is left of it."""
    caller, built = g.caller, services()
    return json_response(
        {
            "audio_formats": list(audio.FORMATS),
            "sample_rates": list(audio.SAMPLE_RATES),
            "max_text_chars": built.config.speech.max_text_chars,
            "providers": [slug for slug in built.catalogue.slugs() if caller.may_use(slug)],
            "characters_per_month": built.usage.limit_of(caller),
            "characters_left": built.usage.remaining(caller),
        }
    )
