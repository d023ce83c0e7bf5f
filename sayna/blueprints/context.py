"""The services of the application at hand."""

from typing import cast

from flask import current_app

from sayna.services import Services


def services() -> Services:
    """Return what create_app() built."""
    return cast("Services", current_app.extensions["sayna"])
