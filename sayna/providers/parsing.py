"""Reading vendors' catalogues: a field that is missing, null or of another type is left out without an error."""

import re
from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]
# Whole words, because "female" contains "male".
_GENDERS = {
    "male": "Male",
    "masculine": "Male",
    "female": "Female",
    "feminine": "Female",
    "neutral": "Neutral",
    "gender_neutral": "Neutral",
    "non-binary": "Neutral",
}
# Three digits are a region too, as in es-419; a script comes before it, as in sr-Latn-RS.
_LEADING = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4})(?=-))?(?:-(?P<region>[a-z]{2}|[0-9]{3})(?=-))?-.+",
    re.IGNORECASE,
)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array, none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(item: Mapping[str, Any], *names: str) -> str:
    """Return the first of the named fields that is a string with something in it, else an empty string."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def texts(value: Any) -> tuple[str, ...]:
    """Return the strings of a JSON array, none for anything else."""
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def gender(*words: str) -> str:
    """Return Male, Female or Neutral by the first whole word that says so, else Unknown."""
    return next((_GENDERS[word.lower()] for word in words if word.lower() in _GENDERS), "Unknown")


def leading_tag(voice: str) -> str:
    """Return the BCP 47 tag at the beginning of a name such as sr-Latn-RS-NicholasNeural, else "".

    A language alone does not count: `my-voice` is not Burmese.
    """
    found = _LEADING.fullmatch(voice)
    if not found or not (found["script"] or found["region"]):
        return ""
    parts = (found["language"].lower(), (found["script"] or "").title(), (found["region"] or "").upper())
    return "-".join(filter(None, parts))
