"""What the pages for people share: the types and headers of their files, and links from one to another."""

import hashlib
import re
from pathlib import PurePath

from flask import Response, request

PAGE = "index.html"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def media_type(name: str) -> str:
    """Return the media type of a file."""
    return _TYPES[PurePath(name).suffix]


def headers(policy: str) -> dict[str, str]:
    """Return the headers of every file of a page with this Content-Security-Policy."""
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }


def etag(content: bytes) -> str:
    """Return what changes with the content."""
    return hashlib.sha256(content).hexdigest()[:32]


def revalidated(response: Response, tag: str) -> Response:
    """Return what a browser may keep, but asks each time whether it is still the same."""
    # An upgrade is seen at once.
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(tag)
    response.make_conditional(request)
    return response


def without_link(page: bytes, to: str) -> bytes:
    """Return the page without its link to another: a link that leads nowhere is worse than none."""
    return re.sub(rb'\n *<a class="link" href="%s">[^<]*</a>' % to.encode(), b"", page)
