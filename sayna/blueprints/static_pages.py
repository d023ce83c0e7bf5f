"""A page for people: its files, their headers, and its links to other pages."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from flask import Response, request
from werkzeug.exceptions import NotFound

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


@dataclass(frozen=True, slots=True)
class StaticPage:
    """The files of a page by name, its Content-Security-Policy, and whether it is sent compressed."""

    files: Mapping[str, bytes]
    policy: str
    is_compressed: bool = False

    def index(self, *without_links: str) -> Response:
        """Answer with the page; `without_links` name other pages whose links are left out."""
        content = self.files[INDEX]
        for name in without_links:
            content = re.sub(rb'\n *<a class="link" href="%s">[^<]*</a>' % name.encode(), b"", content)
        return self._response(INDEX, content)

    def rendered(self, content: bytes) -> Response:
        """Answer with a page that was made from the files."""
        return self._response(INDEX, content)

    def file(self, name: str) -> Response:
        """Answer with one file of the page; raises NotFound."""
        if name == INDEX or name not in self.files:
            raise NotFound
        return self._response(name, self.files[name])

    def _response(self, name: str, content: bytes) -> Response:
        content_type = f"{_TYPES[PurePath(name).suffix]}; charset=utf-8"
        response = compressed(content, content_type) if self.is_compressed else _revalidated(content, content_type)
        response.headers.update({"Content-Security-Policy": self.policy, **SAFE_HEADERS})
        return response


def compressed(body: bytes, content_type: str) -> Response:
    """Return the body, as gzip where the client accepts it."""
    tag = _etag(body)
    is_gzip = request.accept_encodings["gzip"] > 0
    if is_gzip:
        # A strong ETag belongs to one encoding (RFC 9110, 8.8.3).
        response = _revalidated(_gzip(body), content_type, f"{tag}-gzip")
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = _revalidated(body, content_type, tag)
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _revalidated(body: bytes, content_type: str, tag: str = "") -> Response:
    """Return a response that a browser keeps and revalidates each time, so that it sees an upgrade at once."""
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(tag or _etag(body))
    response.make_conditional(request)
    return response


@cache
def _gzip(body: bytes) -> bytes:
    # Without the time in gzip's header, all workers send the same bytes under one ETag.
    return gzip.compress(body, mtime=0)


def _etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
