"""GET /usage and GET /limits."""

from sayna import errors
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas.usage import MONTH, LimitsSchema, UsageSchema

USAGE = Operation(
    tag="Speech",
    summary="Usage",
    description="The characters of the caller's tenant in a month; of this server when authentication is off. "
    "`billed` is exact. `saved` may be 5 seconds old. Local voices and requests with their own `auth` are free.",
    parameters=(
        {
            "in": "query",
            "name": "month",
            "description": "A month in UTC; the present one when empty.",
            "schema": {"type": "string", "pattern": f"^({MONTH.pattern})?$"},
        },
    ),
    responses={
        200: ResponseDoc(
            "The characters of the month.",
            {"application/json": UsageSchema},
            example={
                "month": "2026-11",
                "tenant": "tenant-a",
                "limit": 100000,
                "billed": 48210,
                "saved": 191030,
                "providers": {"elevenlabs": {"billed": 48210, "saved": 191030}},
            },
        )
    },
    errors=(errors.InvalidRequest, errors.StoreUnavailable),
)
LIMITS = Operation(
    tag="Speech",
    summary="Limits",
    description="What the caller may send: formats, rates, the longest text, its providers, and its cap.",
    responses={
        200: ResponseDoc(
            "The limits of the caller.",
            {"application/json": LimitsSchema},
            example={
                "audio_formats": ["linear16", "wav", "mp3", "opus", "flac", "mulaw", "alaw"],
                "sample_rates": [8000, 16000, 22050, 24000, 32000, 44100, 48000],
                "max_text_chars": 5000,
                "providers": ["elevenlabs", "espeak"],
                "characters_per_month": 100000,
                "characters_left": 51790,
            },
        )
    },
)
