"""GET /openapi.json, and GET /docs to read it and to try it; nothing of it is fetched from elsewhere."""

import gzip
import json
import re
from functools import cache
from importlib.resources import files

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import NotFound

from sayna.blueprints.context import services
from sayna.blueprints.guard import PUBLIC
from sayna.blueprints.static_pages import PAGE, etag, headers, media_type, revalidated, without_link
from sayna.openapi import AccessRule, Route, documented, operation_of
from sayna.openapi.pages import DOCS, OPENAPI, asset

# blob: is for audio, fetched with the token and then played; data: for Swagger UI's own icons.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# All that there is, by name: nothing of a request becomes part of a path.
FILES = {
    **dict.fromkeys((PAGE, "play.js", "playground.js", "playground.css"), files("sayna.pages") / "docs"),
    # Of flask-swagger-ui only the files of Swagger UI are used.
    **dict.fromkeys(("swagger-ui-bundle.js", "swagger-ui.css"), files("flask_swagger_ui") / "dist"),
    "icon.svg": files("sayna.pages") / "studio",
}
ASSETS = [name for name in FILES if name != PAGE]
VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")

blueprint = Blueprint("docs", __name__)


@blueprint.before_request
def _only_where_enabled() -> None:
    if not services().config.docs.api_docs_enabled:
        raise NotFound


@blueprint.get("/openapi.json")
@documented(OPENAPI)
def openapi() -> Response:
    """Answer with the document, which is put together when it is first asked for."""
    document: bytes | None = current_app.extensions.get("sayna.openapi")
    if document is None:
        document = current_app.extensions["sayna.openapi"] = _document(current_app)
    return _answer(document, "application/json")


@blueprint.get("/docs")
@documented(DOCS)
def page() -> Response:
    """Answer with the playground; its links are relative, so that it works under any prefix of a proxy."""
    there = services().config.docs.studio_enabled
    return _file(PAGE, _content(PAGE) if there else without_link(_content(PAGE), "studio"))


@blueprint.get("/docs/<name>")
@documented(asset("Playground file", ASSETS, map(media_type, ASSETS)))
def file(name: str) -> Response:
    """Answer with one file of the playground."""
    if name not in ASSETS:
        raise NotFound
    return _file(name, _content(name))


def _content(name: str) -> bytes:
    return FILES[name].joinpath(name).read_bytes()


def _file(name: str, content: bytes) -> Response:
    answer = _answer(content, f"{media_type(name)}; charset=utf-8")
    answer.headers.update(headers(POLICY))
    return answer


def _answer(body: bytes, content_type: str) -> Response:
    """Return the body, squeezed where the caller can take it: Swagger UI is large."""
    tag = etag(body)
    if squeezes := request.accept_encodings["gzip"] > 0:
        # A strong ETag is of one encoding (RFC 9110, 8.8.3).
        body, tag = _squeezed(body), f"{tag}-gzip"
    response = Response(body, content_type=content_type)
    if squeezes:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return revalidated(response, tag)


@cache
def _squeezed(body: bytes) -> bytes:
    # Without the time that gzip puts in its header, all workers have the same bytes under one ETag.
    return gzip.compress(body, mtime=0)


def _document(app: Flask) -> bytes:
    from sayna.openapi.document import build  # noqa: PLC0415 - loads apispec, which few workers ever need

    auth = services().config.auth
    document = build(_routes(app), AccessRule(auth.required, auth.allow_query_key))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _routes(app: Flask) -> list[Route]:
    """Return what is served; a page that is switched off is not."""
    off = () if services().config.docs.studio_enabled else ("studio",)
    return [
        Route(VARIABLE.sub(r"{\1}", rule.rule), method, operation, rule.endpoint in PUBLIC)
        for rule in app.url_map.iter_rules()
        if (operation := operation_of(app.view_functions[rule.endpoint])) is not None
        and rule.endpoint.partition(".")[0] not in off
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
