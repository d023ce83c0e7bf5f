"""GET /voices: the catalogue of voices."""

from flask import Blueprint, Response, g, request

from sayna.blueprints.context import check_provider, services
from sayna.errors import InvalidRequest
from sayna.speech.own_voices import ALIAS
from sayna.speech.voices.catalogue import VoiceListing
from sayna.speech.voices.encoding import VoiceFilter
from sayna.speech.voices.languages import canonical
from sayna.speech.voices.normalize import GENDERS

blueprint = Blueprint("voices", __name__)


@blueprint.get("/voices")
def voices() -> Response:
    """Answer with the selected voices, or with 304 to a client that has the same list already."""
    wanted = VoiceFilter(_language(), _gender())
    catalogue, provider = services().catalogue, request.args.get("provider", "")
    own = () if provider and provider.lower() != ALIAS else tuple(services().planner.listed(g.caller.may_use))
    if provider.lower() == ALIAS:
        listing = VoiceListing({}, (), ())
    else:
        if provider:
            check_provider(*catalogue.slugs(provider))
        listing = catalogue.listing(provider).restricted_to(g.caller.may_use)
    encoded = services().encoded_voices.encoded(listing, wanted, own)
    # Compare weakly, because nginx marks an ETag as weak (W/) when it compresses the answer.
    known = request.if_none_match.contains_weak(encoded.etag)
    response = Response(status=304) if known else Response(encoded.body, mimetype="application/json")
    response.headers.update(_headers(listing, encoded.etag))
    return response


def _headers(listing: VoiceListing, etag: str) -> dict[str, str]:
    problems = {
        "X-Voices-Stale": ", ".join(listing.stale),
        "X-Voices-Failed": ", ".join(listing.failed),
        "X-Voices-Key-Refused": ", ".join(listing.refused),
    }
    return {
        "ETag": f'"{etag}"',
        "Cache-Control": "private, no-cache",
        **{name: value for name, value in problems.items() if value},
    }


def _language() -> str:
    language = request.args.get("language", "")
    tag = canonical(language)
    if language.strip() and not tag:
        raise InvalidRequest("language must be a BCP 47 tag or the beginning of one, such as en or en-GB")
    return tag


def _gender() -> str:
    gender = request.args.get("gender", "").capitalize()
    if gender and gender not in GENDERS:
        raise InvalidRequest(f"gender must be one of {', '.join(GENDERS)}")
    return gender
