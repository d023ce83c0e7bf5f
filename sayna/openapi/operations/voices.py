"""The reference of GET /voices."""

from typing import Any

from sayna.errors import InvalidRequest, ProviderError, ProviderNotConfigured, UnknownProvider
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas.vocabulary import PROVIDER_NAMES
from sayna.schemas.voices import VoiceDescriptionSchema
from sayna.speech.voices import GENDERS

VOICE = {
    "id": "gmw/en-US",
    "sample": "",
    "name": "English (America)",
    "accent": "American",
    "gender": "Male",
    "language": "en-US",
    "provider": "espeak",
}
HEADERS = {
    "ETag": "Changes with the list.",
    "Cache-Control": "It may be kept, and is asked for again.",
    "X-Voices-Stale": "Vendors that did not answer, and whose last list this is.",
    "X-Voices-Failed": "Vendors that did not answer, and are left out.",
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
    description="The voices of every vendor that this server can use: a list for each, and all in `voices`.",
    parameters=(
        _query("provider", "Only this vendor's; all when empty.", enum=["", *PROVIDER_NAMES]),
        _query(
            "language",
            "BCP 47, or the beginning of it: `en` finds `en-GB`.",
            pattern="^([A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,5})?$",
        ),
        _query("gender", "Only these; all when empty.", enum=["", *GENDERS]),
        {
            "in": "header",
            "name": "If-None-Match",
            "description": "An ETag: 304 when the list is still the same.",
            "schema": {"type": "string"},
        },
    ),
    answers={
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
        304: ResponseDoc("It is the one that the caller has.", headers=HEADERS),
    },
    errors=(InvalidRequest, UnknownProvider, ProviderNotConfigured, ProviderError),
)
