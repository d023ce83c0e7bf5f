"""The services and the request that a view works with."""

from typing import cast

from flask import Request, current_app, request

from sayna.services import Services


def services() -> Services:
    """Return the services that create_app() built."""
    return cast("Services", current_app.extensions["sayna"])


def current_request() -> Request:
    """Return the request itself, because each access through Flask's proxy costs half a microsecond."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]
