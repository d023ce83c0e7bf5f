"""JSON responses, all in one form."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response

_encode = json.JSONEncoder(separators=(",", ":")).encode


def json_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return compact JSON; it ends with a newline so that a terminal shows the prompt on a new line."""
    return Response(_encode(body) + "\n", status, content_type="application/json")
