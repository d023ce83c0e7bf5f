"""POST /prompts: what a list of prompts costs, and its mistakes, before anything is paid."""

from flask import Blueprint, Response, g, request

from sayna.blueprints.body import read_object
from sayna.blueprints.context import allowed_plan, services
from sayna.blueprints.responses import json_response
from sayna.prompts.check import Prompt, check
from sayna.schemas.prompts import PROMPT_LIST

blueprint = Blueprint("prompts", __name__)

# A spreadsheet has the names of the columns in its first line, and sentences name its lines.
FIRST_LINE = 2


@blueprint.post("/prompts")
def check_prompts() -> Response:
    """Answer with the checked rows, their mistakes and the sums; no vendor is called."""
    wanted, speech = PROMPT_LIST.parse(read_object(request, PROMPT_LIST)), services().speech
    checked = check(
        wanted["columns"],
        enumerate(wanted["rows"], FIRST_LINE),
        services().planner,
        lambda prompt: speech.cached(prompt.plan, None) is not None,
        defaults=wanted.get("defaults"),
        permit=allowed_plan,
        tenant=g.caller.tenant,
    )
    return json_response(
        {
            "prompts": [_row(prompt) for prompt in checked.prompts],
            "mistakes": [{"row": each.line - FIRST_LINE, "error": each.sentence} for each in checked.mistakes],
            "unused": checked.unused,
            "known": sum(prompt.is_known for prompt in checked.prompts),
            "missing": len(checked.missing),
            "characters": checked.characters,
        }
    )


def _row(prompt: Prompt) -> dict[str, object]:
    return {
        "row": prompt.line - FIRST_LINE,
        "name": prompt.name,
        "is_known": prompt.is_known,
        "is_local": prompt.plan.provider.local,
        "characters": prompt.plan.characters,
        "request": dict(prompt.body),
    }
