"""POST /prompts."""

from sayna import errors
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas.prompts import PROMPT_LIST, CheckedListSchema

_BODY = {"text": "Welcome to Acme.", "language": "en", "provider": "espeak"}
_ROW = {"row": 0, "name": "welcome", "is_known": False, "is_local": True, "characters": 16, "request": _BODY}
CHECK = Operation(
    tag="Speech",
    summary="Check a list of prompts",
    description="Says of each row whether it is right, whether its audio is cached, and how many characters a vendor "
    "would be paid for. Calls no vendor; `request` is the body of `POST /speak` that renders a row.",
    request=(PROMPT_LIST,),
    examples={
        "list": {
            "columns": ["name", "text", "language"],
            "rows": [["welcome", "Welcome to Acme.", "en"], ["bye", "Auf Wiedersehen", "de"]],
            "defaults": {"provider": "espeak", "audio_format": "wav", "sample_rate": 8000},
        }
    },
    responses={
        200: ResponseDoc(
            "The checked list.",
            {"application/json": CheckedListSchema},
            example={
                "prompts": [_ROW],
                "mistakes": [{"row": 1, "error": "line 2 has the name welcome already"}],
                "unused": [],
                "known": 0,
                "missing": 1,
                "characters": 0,
            },
        )
    },
    errors=(errors.InvalidRequest,),
)
