"""The pages for people: /docs with /openapi.json, /studio, and GET / in a browser."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePath

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import NotFound

from sayna import __version__
from sayna.blueprints.context import services
from sayna.blueprints.guard import is_public
from sayna.openapi import Route
from sayna.schemas.vocabulary import vendors

INDEX = "index.html"
# blob: is for audio, which the page fetches with the token and then plays. data: is for Swagger UI's icons.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src {media}; "
    "img-src 'self' data:; {fonts}frame-ancestors 'none'; base-uri 'none'; form-action {forms}"
)
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
SAFE_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}

OWN_FILES = (INDEX, "play.js", "playground.js", "playground.css")
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")
VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
FOLDER = files("sayna.pages")
SWAGGER = files("flask_swagger_ui") / "dist"

HOME = (FOLDER / "home.html").read_text("utf-8")
_STYLE = HOME.partition("<style>")[2].partition("</style>")[0]
HOME_POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# The links of GET /, each with the setting that enables its page.
HOME_LINKS = {
    "studio": ("studio_enabled", "Studio", "Pick a voice, type, listen."),
    "docs": ("api_docs_enabled", "API reference", "Every request to read and to try."),
    "help": ("help_enabled", "Help", "The documentation, to search."),
}


@dataclass(frozen=True, slots=True)
class StaticPage:
    """The files of a page by name (large ones are read when asked for), and its Content-Security-Policy."""

    files: Mapping[str, bytes]
    policy: str
    is_compressed: bool = False
    large: Mapping[str, Traversable] = field(default_factory=dict)

    def index(self, *without_links: str) -> Response:
        """Answer with the page; `without_links` name other pages whose links are left out."""
        content = self.files[INDEX]
        for name in without_links:
            content = re.sub(rb'\n *<a class="link" href="%s">[^<]*</a>' % name.encode(), b"", content)
        return self.answer(INDEX, content)

    def file(self, name: str) -> Response:
        """Answer with one file of the page; raises NotFound."""
        if name in self.large:
            return self.answer(name, self.large[name].read_bytes())
        if name == INDEX or name not in self.files:
            raise NotFound
        return self.answer(name, self.files[name])

    def answer(self, name: str, content: bytes) -> Response:
        """Answer with the content of a file of this name."""
        content_type = f"{_TYPES[PurePath(name).suffix]}; charset=utf-8"
        response = compressed(content, content_type) if self.is_compressed else _revalidated(content, content_type)
        response.headers.update({"Content-Security-Policy": self.policy, **SAFE_HEADERS})
        return response


def compressed(body: bytes, content_type: str) -> Response:
    """Return the body, as gzip where the client accepts it; each encoding has its own ETag (RFC 9110, 8.8.3)."""
    is_gzip = request.accept_encodings["gzip"] > 0
    response = _revalidated(_gzip(body) if is_gzip else body, content_type)
    if is_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _revalidated(body: bytes, content_type: str) -> Response:
    """Return a response that a browser keeps and revalidates each time, so that it sees an upgrade at once."""
    tag = hashlib.sha256(body).hexdigest()[:32]
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(tag)
    if request.if_none_match.contains_weak(tag):
        response.status_code = HTTPStatus.NOT_MODIFIED
    return response


@cache
def _gzip(body: bytes) -> bytes:
    # Without the time in gzip's header, all workers send the same bytes under one ETag.
    return gzip.compress(body, mtime=0)


# Read once, before the workers are forked. A name that is not in here is not a path of this server.
DOCS = StaticPage(
    {name: (FOLDER / "docs" / name).read_bytes() for name in OWN_FILES}
    | {"icon.svg": (FOLDER / "studio" / "icon.svg").read_bytes()},
    POLICY.format(media="blob:", fonts="", forms="'none'"),
    is_compressed=True,
    large={name: SWAGGER / name for name in SWAGGER_FILES},
)
STUDIO = StaticPage(
    {entry.name: entry.read_bytes() for entry in (FOLDER / "studio").iterdir() if entry.is_file()}
    | {"vendors.json": vendors()},
    POLICY.format(media="'self' blob:", fonts="font-src 'self'; ", forms="'none'"),
)


docs, studio = Blueprint("docs", __name__), Blueprint("studio", __name__)


@docs.get("/openapi.json")
def openapi() -> Response:
    """Answer with the document, which the first request builds."""
    document: bytes | None = current_app.extensions.get("sayna.openapi")
    if document is None:
        from sayna.openapi.document import build  # noqa: PLC0415 - loads apispec, which few workers ever need

        built = build(_routes(), services().config.auth, _folded())
        document = json.dumps(built, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        current_app.extensions["sayna.openapi"] = document
    return compressed(document, "application/json")


def check_enabled() -> None:
    """Raise NotFound when the page of this request is switched off."""
    if request.blueprint in _disabled():
        raise NotFound


def _serve(blueprint: Blueprint, page: StaticPage) -> None:
    """Serve a page and its files; its links are relative, so that it works under any prefix of a proxy."""
    blueprint.before_request(check_enabled)
    blueprint.add_url_rule(f"/{blueprint.name}", "page", lambda: page.index(*_disabled()))
    blueprint.add_url_rule(f"/{blueprint.name}/<name>", "file", page.file)


_serve(docs, DOCS)
_serve(studio, STUDIO)


def home_page() -> Response:
    """Return the page of GET /, with links to the pages that are enabled."""
    disabled = _disabled()
    links = [
        f'<li><a href="{path}">{name}</a> {about}</li>'
        for path, (_, name, about) in HOME_LINKS.items()
        if path not in disabled
    ]
    body = HOME.replace("{version}", __version__).replace("{links}", "\n    ".join(links))
    response = Response(body, content_type="text/html; charset=utf-8")
    response.headers.update({"Content-Security-Policy": HOME_POLICY, **SAFE_HEADERS})
    return response


def _disabled() -> list[str]:
    """Return the paths of the pages that are switched off."""
    pages = services().config.docs
    return [path for path, (setting, _, _) in HOME_LINKS.items() if not getattr(pages, setting)]


def _folded() -> set[str]:
    """Return the tags whose endpoints are for few readers, or lack their settings."""
    built = services()
    parts = {"Rooms": built.livekit, "Recordings": built.recordings, "Telephone": built.telephony}
    return {"Compatibility", *(tag for tag, part in parts.items() if part is None)}


def _routes() -> list[Route]:
    """Return the routes, those of pages only when they are enabled."""
    disabled = _disabled()
    return [
        Route(VARIABLE.sub(r"{\1}", rule.rule), method, is_public(rule.endpoint))
        for rule in current_app.url_map.iter_rules()
        if not rule.rule.startswith("/elevenlabs/") and rule.endpoint.partition(".")[0] not in disabled
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
