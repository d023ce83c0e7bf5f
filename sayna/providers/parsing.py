"""Reading vendors' catalogues: what is missing, null or of another type is left out and fails nothing."""

from collections.abc import Mapping
from typing import Any

UNKNOWN = "Unknown"
# By whole words: "female" contains "male", which in the reference makes women men, or unknown.
_GENDERS = {
    "male": "Male",
    "masculine": "Male",
    "female": "Female",
    "feminine": "Female",
    "neutral": "Neutral",
    "gender_neutral": "Neutral",
    "non-binary": "Neutral",
}


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
    return next((_GENDERS[word.lower()] for word in words if word.lower() in _GENDERS), UNKNOWN)
