"""GET /voices: what there is to speak with."""

from flask import Blueprint, Response, request

from sayna.blueprints.context import services
from sayna.errors import InvalidRequest
from sayna.openapi import documented
from sayna.openapi.operations.voices import VOICES
from sayna.speech.plan import LANGUAGE
from sayna.speech.voices import GENDERS, Filter, Listing

blueprint = Blueprint("voices", __name__)


@blueprint.get("/voices")
@documented(VOICES)
def voices() -> Response:
    """Answer with every voice that is wanted, or with 304 to who has the same list already."""
    wanted = Filter(_language(), _gender())
    listing = services().catalogue.listing(request.args.get("provider", ""))
    page = services().pages.page(listing, wanted)
    # Weakly, for nginx marks an ETag as weak (W/) when it compresses the answer.
    known = request.if_none_match.contains_weak(page.etag)
    response = Response(status=304) if known else Response(page.body, mimetype="application/json")
    response.headers.update(_headers(listing, page.etag))
    return response


def _headers(listing: Listing, etag: str) -> dict[str, str]:
    told = {"X-Voices-Stale": ", ".join(listing.stale), "X-Voices-Failed": ", ".join(listing.failed)}
    return {
        "ETag": f'"{etag}"',
        "Cache-Control": "private, no-cache",
        **{name: value for name, value in told.items() if value},
    }


def _language() -> str:
    language = request.args.get("language", "").replace("_", "-")
    if language and not LANGUAGE.fullmatch(language):
        raise InvalidRequest("language must be a BCP 47 tag or the beginning of one, such as en or en-GB")
    return language.lower()


def _gender() -> str:
    gender = request.args.get("gender", "").capitalize()
    if gender and gender not in GENDERS:
        raise InvalidRequest(f"gender must be one of {', '.join(GENDERS)}")
    return gender
