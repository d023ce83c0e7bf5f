"""Fields of answers, in few words."""

from typing import Any

from marshmallow import validate

from sayna.schemas.base import StrictInteger, StrictString


def text(description: str = "", **metadata: Any) -> StrictString:
    """Return a string of an answer."""
    return StrictString(metadata={"description": description, **metadata} if description else metadata)


def whole(description: str, **metadata: Any) -> StrictInteger:
    """Return a number of an answer that counts or measures, so it is not below 0."""
    return StrictInteger(metadata={"description": description, "minimum": 0, **metadata})


def one_of(*words: str) -> StrictString:
    """Return a string of an answer that is one of a few words."""
    return StrictString(validate=validate.OneOf(words))
