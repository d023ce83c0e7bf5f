"""The reference of the pages for people, itself included."""

from collections.abc import Iterable
from typing import Any

from sayna.openapi import BYTES, Operation, ResponseDoc

TAG = "Pages"
TEXT = {"type": "string"}
IF_NONE_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-None-Match",
    "description": "An ETag: 304 when it is still the same.",
    "schema": TEXT,
}
KEPT = {
    "ETag": "Changes with the content.",
    "Cache-Control": "It may be kept, and is asked for again: an upgrade is seen at once.",
    "Vary": "Accept-Encoding, where it is also sent compressed.",
    "Content-Encoding": "gzip, for who can take it.",
}
SEALED = {
    **KEPT,
    "Content-Security-Policy": "Scripts, styles and requests of this server only; no frames.",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def _answers(description: str, content: dict[str, Any], headers: dict[str, str]) -> dict[int, ResponseDoc]:
    return {
        200: ResponseDoc(description, content, headers),
        304: ResponseDoc("It is the one that If-None-Match names.", {}, headers),
    }


def _page(summary: str, description: str) -> Operation:
    return Operation(
        tag=TAG,
        summary=summary,
        description=f"{description} Public; the calls that it makes need the token.",
        parameters=(IF_NONE_MATCH,),
        answers=_answers("The page.", {"text/html": TEXT}, SEALED),
    )


def asset(summary: str, names: Iterable[str], media_types: Iterable[str]) -> Operation:
    """Return what is said about the files of a page, given their names and their media types."""
    name: dict[str, Any] = {
        "in": "path",
        "name": "name",
        "required": True,
        "description": "Which file; there are no others.",
        "schema": {"type": "string", "enum": sorted(names)},
    }
    content = {kind: TEXT if kind.startswith("text/") else BYTES for kind in sorted(set(media_types))}
    return Operation(
        tag=TAG,
        summary=summary,
        description="What the page is made of: its scripts, its style, its icon. Public.",
        parameters=(name, IF_NONE_MATCH),
        answers=_answers("The file.", content, SEALED),
        may_be_missing=True,
    )


OPENAPI = Operation(
    tag=TAG,
    summary="This document",
    description="OpenAPI 3.1, made from the schemas that validate. Public.",
    parameters=(IF_NONE_MATCH,),
    answers=_answers("The document.", {"application/json": {"type": "object"}}, KEPT),
)
DOCS = _page("Playground", "This document to read and to try, in a browser.")
STUDIO = _page("Studio", "A page to pick a voice, type and listen.")
