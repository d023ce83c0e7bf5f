"""GET /voices."""

from typing import Any

from sayna.errors import InvalidRequest, ProviderError, ProviderNotAllowed, ProviderNotConfigured, UnknownProvider
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas.vocabulary import PROVIDER_NAMES
from sayna.schemas.voices import VoiceDescriptionSchema
from sayna.speech.own_voices import ALIAS
from sayna.speech.voices import GENDERS
from sayna.speech.voices.languages import TAG

VOICE = {
    "id": "gmw/en-US",
    "sample": "",
    "name": "English (America)",
    "accent": "American",
    "gender": "Unknown",
    "language": "English",
    "provider": "espeak",
    "languages": ["en-US", "en"],
}
HEADERS = {
    "ETag": "Changes with the list.",
    "Cache-Control": "Clients may keep it and must revalidate it.",
    "X-Voices-Stale": "Vendors that did not answer; the list has their last known voices.",
    "X-Voices-Key-Refused": "Vendors that have refused the server's own key lately, as this worker knows.",
    "X-Voices-Failed": "Vendors that did not answer; the list has none of their voices.",
}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "in": "query",
        "name": name,
        "description": description,
        "schema": {"type": "string", **schema},
    }


VOICES = Operation(
    tag="Speech",
    summary="List voices",
    description=(
        "The voices of every configured vendor: one list for each vendor, and all of them in `voices`. The voices of "
        "your own are in `aliases`, which is absent when there are none."
    ),
    parameters=(
        _query(
            "provider",
            "Only voices of this vendor, or with `alias` those of your own; all when empty.",
            enum=["", *PROVIDER_NAMES, ALIAS],
        ),
        _query(
            "language",
            "BCP 47, or its beginning: `en` finds `en-GB`.",
            pattern=rf"^\s*({TAG.pattern})?\s*$",
        ),
        _query("gender", "Only voices of this gender; all when empty.", enum=["", *GENDERS]),
        {
            "in": "header",
            "name": "If-None-Match",
            "description": "An ETag: 304 when the list is still the same.",
            "schema": {"type": "string"},
        },
    ),
    responses={
        200: ResponseDoc(
            "The voices by vendor.",
            {
                "application/json": {
                    "type": "object",
                    "required": ["voices"],
                    "properties": {"voices": {"type": "array", "items": VoiceDescriptionSchema}},
                    "additionalProperties": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/VoiceDescription"},
                    },
                }
            },
            HEADERS,
            {"espeak": [VOICE], "voices": [VOICE]},
        ),
        304: ResponseDoc("The client has this list already.", headers=HEADERS),
    },
    errors=(InvalidRequest, UnknownProvider, ProviderNotAllowed, ProviderNotConfigured, ProviderError),
)
