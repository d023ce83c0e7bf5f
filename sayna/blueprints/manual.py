"""GET /help: the pages of docs/, and a search over them; a browser needs no script and no other server."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from jinja2 import Environment, Template
from werkzeug.exceptions import NotFound

from sayna.blueprints.context import services
from sayna.blueprints.pages import INDEX, POLICY, StaticPage, check_enabled

if TYPE_CHECKING:
    from sayna.pages.manual import Manual

ROOT = Path(__file__).resolve().parents[2]
FOLDER = files("sayna.pages")
HELP = StaticPage(
    {
        INDEX: (FOLDER / "help" / INDEX).read_bytes(),
        "help.css": (FOLDER / "help" / "help.css").read_bytes(),
        "icon.svg": (FOLDER / "studio" / "icon.svg").read_bytes(),
    },
    # The search is a form.
    POLICY.format(media="'none'", fonts="", forms="'self'"),
)

blueprint = Blueprint("help", __name__)
blueprint.before_request(check_enabled)


@blueprint.get("/help")
def index() -> Response:
    """Answer with the index, or with what the search in `q` found."""
    query = request.args.get("q", "")
    found = _manual().search(query) if query else []
    return _page("", query=query, found=found)


@blueprint.get("/help/<path:name>")
def page(name: str) -> Response:
    """Answer with one page of docs/."""
    return _page(name)


blueprint.add_url_rule("/help/files/<name>", "file", HELP.file)


@cache
def _template() -> Template:
    return Environment(autoescape=True).from_string(HELP.files[INDEX].decode())


@cache
def _manual() -> "Manual":
    from sayna.pages.manual import Manual  # noqa: PLC0415 - loads markdown_it, which few workers ever need

    return Manual(ROOT)


def _page(name: str, **search: object) -> Response:
    manual = _manual()
    if name not in manual.files:
        raise NotFound
    docs = services().config.docs
    html = _template().render(
        title=manual.titles[name],
        html=manual.page(name),
        base=manual.link(name, "").removesuffix("help"),
        titles=manual.titles,
        studio=docs.studio_enabled,
        api=docs.api_docs_enabled,
        **search,
    )
    return HELP.answer(INDEX, html.encode())
