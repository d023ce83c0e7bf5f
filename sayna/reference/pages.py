"""The reference of the pages for people, itself included."""

from sayna.openapi import Answer, Operation

OPENAPI = Operation(
    tag="Server",
    summary="This document",
    description="OpenAPI 3.1, made from the schemas that validate. Public.",
    answers={
        200: Answer(
            "The document.", {"application/json": {"type": "object"}}, {"ETag": "Changes with the document."}
        ),
        304: Answer("It is the one that If-None-Match names."),
    },
)
DOCS = Operation(
    tag="Server",
    summary="Playground",
    description="This document to read and to try, in a browser. Public; the calls it makes need the token.",
    answers={200: Answer("The page.", {"text/html": {"type": "string"}})},
)
STUDIO = Operation(
    tag="Server",
    summary="Studio",
    description="A page to pick a voice, type and listen. Public; the calls it makes need the token.",
    answers={200: Answer("The page.", {"text/html": {"type": "string"}})},
)
