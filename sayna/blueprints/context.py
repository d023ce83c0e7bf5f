"""The services of the application at hand."""

from typing import cast

from flask import Request, current_app, request

from sayna.services import Services


def services() -> Services:
    """Return what create_app() built."""
    return cast("Services", current_app.extensions["sayna"])


def current_request() -> Request:
    """Return the request itself: each look through Flask's proxy costs half a microsecond."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]
