"""Fields of answers, in few words."""

from typing import Any

from marshmallow import validate

from sayna.schemas.base import Text, Whole


def text(description: str = "", **metadata: Any) -> Text:
    """Return a string of an answer."""
    return Text(metadata={"description": description, **metadata} if description else metadata)


def whole(description: str, **metadata: Any) -> Whole:
    """Return a number of an answer that counts or measures, so it is not below 0."""
    return Whole(metadata={"description": description, "minimum": 0, **metadata})


def one_of(*words: str) -> Text:
    """Return a string of an answer that is one of a few words."""
    return Text(validate=validate.OneOf(words))
