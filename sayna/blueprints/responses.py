"""JSON answers, in one shape."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response

_encode = json.JSONEncoder(separators=(",", ":")).encode


def json_answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return compact JSON; it ends in a newline so that a terminal shows it well."""
    return Response(_encode(body) + "\n", status, content_type="application/json")
