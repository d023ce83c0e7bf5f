"""Errors of /clip and /say: one line of text that no cache keeps, for players that read only the status."""

import re

from flask import Response

from sayna.errors import SaynaError
from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.speech.clip_errors import status_of

# `/clip` and what is below it, but not `/clips`, which answers JSON.
PATHS = re.compile(r"/(?:(?P<signed>clip)(?:/|\Z)|say(?:[./]|\Z))")
_SENTENCES: dict[type[Exception], str] = {
    PreconditionFailed: "the clip is not the one that If-Match or If-Unmodified-Since names",
    RangeNotSatisfiable: "the clip has no bytes in this range",
}


def plain_error(path: str, sentence: str, status: int, error: Exception) -> Response:
    """Return the response to an error below one of PATHS."""
    found = PATHS.match(path)
    if isinstance(error, SaynaError):
        status = status_of(type(error), status, is_signed=found is not None and found["signed"] is not None)
    text = _SENTENCES.get(type(error), sentence)
    response = Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
