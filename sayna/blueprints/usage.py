"""GET /usage: what the caller's tenant has used in a month."""

from dataclasses import asdict

from flask import Blueprint, Response, g, request

from sayna.blueprints.body import check_query
from sayna.blueprints.context import services
from sayna.blueprints.responses import json_response
from sayna.caller import Caller
from sayna.openapi import documented
from sayna.openapi.operations.usage import USAGE
from sayna.schemas.usage import load_month

blueprint = Blueprint("usage", __name__)


@blueprint.get("/usage")
@documented(USAGE)
def usage() -> Response:
    """Answer with the characters of a month: the tenant's own, or everything when authentication is off."""
    check_query(request)
    caller, meter = g.caller, services().usage
    month = load_month(request.args.get("month", ""), meter.this_month())
    counts = meter.month(month, _account(caller))
    providers: dict[str, dict[str, int]] = {}
    for key, count in counts.items():
        found = providers.setdefault(key.provider, {"billed": 0, "saved": 0})
        for name, number in asdict(count).items():
            found[name] += number
    sums = {name: sum(each[name] for each in providers.values()) for name in ("billed", "saved")}
    who = {"month": month, "tenant": caller.tenant, "limit": meter.limit_of(caller)}
    return json_response({**who, **sums, "providers": providers})


def _account(caller: Caller) -> str | None:
    return None if caller.is_unrestricted else caller.tenant or ""
