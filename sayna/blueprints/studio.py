"""GET /studio: a page for people, to pick a voice, type and listen; its files come with this package."""

from importlib.resources import files

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from sayna.blueprints.context import services
from sayna.blueprints.static_pages import PAGE, etag, headers, media_type, revalidated, without_link
from sayna.openapi import documented
from sayna.openapi.pages import STUDIO, asset

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
    "img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# Read once, before the workers are forked: a name that is not among these is no path of this server.
FILES = {
    entry.name: entry.read_bytes() for entry in files("sayna.pages").joinpath("studio").iterdir() if entry.is_file()
}
ASSETS = [name for name in FILES if name != PAGE]

blueprint = Blueprint("studio", __name__)


@blueprint.before_request
def _only_where_enabled() -> None:
    if not services().config.docs.studio_enabled:
        raise NotFound


@blueprint.get("/studio")
@documented(STUDIO)
def page() -> Response:
    """Answer with the page; its links are relative, so that it works under any prefix of a proxy."""
    there = services().config.docs.api_docs_enabled
    return _file(PAGE, FILES[PAGE] if there else without_link(FILES[PAGE], "docs"))


@blueprint.get("/studio/<name>")
@documented(asset("Studio file", ASSETS, map(media_type, ASSETS)))
def file(name: str) -> Response:
    """Answer with one file of the page."""
    if name not in ASSETS:
        raise NotFound
    return _file(name, FILES[name])


def _file(name: str, content: bytes) -> Response:
    response = Response(content, content_type=f"{media_type(name)}; charset=utf-8")
    response.headers.update(headers(POLICY))
    return revalidated(response, etag(content))
