"""What the OpenAPI document says of itself and of the pages for people."""

from dataclasses import replace
from typing import Any

from sayna.openapi import Operation, ResponseDoc

TAG = "Pages"
IF_NONE_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-None-Match",
    "description": "An ETag: 304 when it is still the same.",
    "schema": {"type": "string"},
}
CACHED = {
    "ETag": "Changes with the content.",
    "Cache-Control": "Clients may keep it and must revalidate it, so that they see an upgrade at once.",
    "Vary": "Accept-Encoding, where it is also sent compressed.",
    "Content-Encoding": "gzip, for clients that accept it.",
}
SEALED = {
    **CACHED,
    "Content-Security-Policy": "Scripts, styles and requests of this server only; no frames.",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def _responses(description: str, content: dict[str, Any], headers: dict[str, str]) -> dict[int, ResponseDoc]:
    return {
        200: ResponseDoc(description, content, headers),
        304: ResponseDoc("The client has this version.", {}, headers),
    }


def _page(summary: str, description: str) -> Operation:
    return Operation(
        tag=TAG,
        summary=summary,
        description=f"{description} Public; its calls need the token.",
        parameters=(IF_NONE_MATCH,),
        responses=_responses("The page.", {"text/html": {"type": "string"}}, SEALED),
    )


OPENAPI = Operation(
    tag=TAG,
    summary="This document",
    description="OpenAPI 3.1, made from the schemas that validate requests. Public.",
    parameters=(IF_NONE_MATCH,),
    responses=_responses("The document.", {"application/json": {"type": "object"}}, CACHED),
)
DOCS = _page("Playground", "This document to read and to try, in a browser.")
HELP = replace(
    _page("Help", "The index of the pages of docs/; with `q`, the sections that have every word of it."),
    parameters=(
        IF_NONE_MATCH,
        {
            "in": "query",
            "name": "q",
            "description": "Words to search for; the first 100 characters count.",
            "schema": {"type": "string"},
        },
    ),
)
HELP_PAGE = replace(
    _page("One page of the help", "A page of docs/, by its path without the ending."),
    parameters=(
        IF_NONE_MATCH,
        {
            "in": "path",
            "name": "name",
            "required": True,
            "description": "As in the links of /help.",
            "schema": {"type": "string"},
        },
    ),
    responses={
        **_responses("The page.", {"text/html": {"type": "string"}}, SEALED),
        404: ResponseDoc("No page has this name.", {"application/json": {"type": "object"}}),
    },
)
STUDIO = _page("Studio", "A page to pick a voice, type and listen.")
